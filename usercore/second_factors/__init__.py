"""Second factors: one-time codes of authenticator apps, and recovery codes."""
