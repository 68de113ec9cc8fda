"""Changing email addresses, and what a new address revokes."""
