"""Tenants: populations of users that never see one another."""
