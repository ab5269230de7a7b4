"""Connections that we make."""
