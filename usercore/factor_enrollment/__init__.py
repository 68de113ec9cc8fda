"""Enrolling second factors, listing and removing them, and making recovery codes."""
