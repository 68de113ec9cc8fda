"""A file of its own beside a store's, for a verification."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from usercore_storage.sqlite.errors import translate_os_error
from usercore_storage.sqlite.files import location_of


@contextmanager
def scratch(url: str) -> Iterator[str]:
    """Create a folder beside the file and yield the URL of a store in it; remove the folder in the end.

    Raises:
        ValueError: the URL has another form.
        StorageError: the folder cannot be created.
    """
    parent = location_of(url).path.parent
    try:
        folder = TemporaryDirectory(prefix="usercore-verify-", dir=parent)
    except OSError as error:
        raise translate_os_error(error, parent) from error
    with folder as path:
        yield f"sqlite:///{path}/scratch.db"


def empty(url: str) -> None:
    """Remove the file, and those beside it: a new one is made sooner than all rows are removed."""
    path = location_of(url).path
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
