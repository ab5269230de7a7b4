"""A black-box conformance suite for any finger server: what RFC 1288 asks, what clients send, what good servers do.

wire.py has the bytes, session.py the state of a run, catalogue.py says which checks there are, the modules of checks
what each does, judge.py what bytes mean, checks.py puts them together and runs them, report.py shows what came of it."""
