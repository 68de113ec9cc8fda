"""The in-memory storage, for tests and small hosts: nothing of it outlives the process."""

from usercore_storage.memory.storage import MemoryStorage

__all__ = ["MemoryStorage", "open_storage"]


def open_storage(url: str) -> MemoryStorage:
    """Give a new, empty storage.

    Raises:
        ValueError: the URL is not ``memory://``: there is nothing to name.
    """
    if url != "memory://":
        raise ValueError("the URL of a memory storage is memory:// and nothing more")
    return MemoryStorage()
