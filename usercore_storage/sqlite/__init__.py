"""SQLite: one file, many readers, one writing connection. The embedded default."""

from usercore_storage.sqlite.storage import SqliteStorage, open_storage

__all__ = ["SqliteStorage", "open_storage"]
