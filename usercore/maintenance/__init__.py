"""Maintenance: clean-up."""
