"""Accounts: managing users, their status, and the reasons why a user cannot sign in."""
