"""Tokens that sign a user in: issuing them."""
