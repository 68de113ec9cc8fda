"""Attempts to sign in and to register, with their outcomes, and how often registration is allowed."""
