"""Authenticators: the ways to prove an identity, and the checks that hold for all of them."""
