"""Storages for usercore: in memory, and one set of SQL for several engines. Opened by URL."""
