"""Signing in, and identifying the holder of an access token."""
