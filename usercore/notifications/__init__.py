"""Notifications: the subscriber that turns changes into outgoing email."""
