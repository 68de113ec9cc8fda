"""The types and helpers that every capability shares; nothing here depends on users, passwords or storages."""
