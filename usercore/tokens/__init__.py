"""Tokens: access tokens of signed-in users, limited-use tokens that are redeemed, and registration links."""
