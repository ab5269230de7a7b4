"""A black-box conformance suite for any finger server: RFC 1288, what clients send, what good servers do.

wire.py handles sockets, session.py the state of a run, catalogue.py registers checks, flow.py to people.py do them,
judge.py interprets replies, checks.py runs the checks, report.py formats the results.
"""
