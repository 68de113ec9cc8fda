"""Views for operators: what happened to a user, the action log, and everything about a user in one call."""
