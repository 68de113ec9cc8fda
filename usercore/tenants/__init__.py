"""Tenants: isolated populations of users."""
