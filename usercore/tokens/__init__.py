"""Tokens: access tokens for those who are signed in, login tokens that sign in once, links that prove an address."""
