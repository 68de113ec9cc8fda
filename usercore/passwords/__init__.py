"""Passwords: policy, hashing and stored credentials."""
