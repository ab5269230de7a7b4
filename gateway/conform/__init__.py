"""A black-box conformance suite for any finger server: RFC 1288, what clients send, what good servers do.

wire.py handles sockets, session.py the state of a run, registry.py registers checks. answer_checks.py, floods.py, flow.py,
grammar.py, hostile.py, hosts.py, names.py and reply_format.py do them. analysis.py interprets replies, runner.py runs the
checks, report.py formats the results.
"""
