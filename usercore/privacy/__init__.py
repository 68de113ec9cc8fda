"""Erasing users: what is personal about them is removed from every table."""
