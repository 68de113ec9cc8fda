"""Maintenance: clean-up, and the last use of access tokens."""
