"""Registering passkeys and signing in by them: the two ceremonies of WebAuthn."""
