"""Finger (RFC 1288): one line in, text out."""
