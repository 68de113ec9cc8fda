"""Accounts: a user with everything that belongs to it, its status, and why it cannot sign in."""
