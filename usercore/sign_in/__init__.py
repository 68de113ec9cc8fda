"""Signing in, and identifying users by access tokens."""
