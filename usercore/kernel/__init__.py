"""The few words that every capability shares; nothing here knows users, passwords or storages."""
