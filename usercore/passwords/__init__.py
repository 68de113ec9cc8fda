"""Passwords: which are accepted, how they are hashed, and what is stored of them."""
