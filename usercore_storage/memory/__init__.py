"""The in-memory storage, for tests and small hosts. Its data ends with the process."""

from usercore_storage.memory.storage import MemoryStorage

__all__ = ["MemoryStorage", "open_storage"]


def open_storage(url: str) -> MemoryStorage:
    """Return a new, empty storage.

    Raises:
        ValueError: the URL is not exactly ``memory://``.
    """
    if url != "memory://":
        raise ValueError("the URL of a memory storage is memory:// and nothing more")
    return MemoryStorage()
