"""Passkeys: what is stored of them, and how the answers of browsers are read and verified."""
