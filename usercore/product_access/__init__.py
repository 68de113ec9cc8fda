"""Granting users access to products, and asking for it."""
