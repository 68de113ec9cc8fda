"""Outgoing email: templates and transports."""
