"""Ids of users and tasks."""

MAX_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""
