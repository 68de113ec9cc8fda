"""Tokens that sign a user in: issuing, listing and revoking them."""
