"""Passwords: what is accepted, how it is hashed, and what is kept of it."""
