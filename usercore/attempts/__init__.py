"""Attempts: who tried to sign in or register, with what outcome, and when the next try may come."""
