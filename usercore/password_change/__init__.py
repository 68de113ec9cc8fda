"""Changing passwords, and what a new password revokes."""
