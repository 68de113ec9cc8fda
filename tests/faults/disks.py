"""Small disks, which only root may mount."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SHUTDOWN: Final = 0x8004587D
"""The request that ends all writes of a file system. Source: Linux, ``EXT4_IOC_SHUTDOWN``."""

_WITHOUT_LOG: Final = 2
"""Not even the journal is written. Source: Linux, ``EXT4_GOING_FLAGS_NOLOGFLUSH``."""


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk in memory over a folder for the duration of a ``with``."""
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


class Disk:
    """A disk with a journal, in a file, over a folder; its power can be cut."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        """Make the disk; it is not mounted yet."""
        self._folder = folder
        self._file = folder.with_name(f"{folder.name}.img")
        with self._file.open("wb") as file:
            file.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-E", "nodiscard", str(self._file))

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Mount it for the duration of a ``with``; what the journal has is written first.

        By a loop device of its own each time: a process in another mount namespace may hold the last one for longer,
        and with it a file system whose power was cut.
        """
        device = _run("losetup", "--find", "--show", str(self._file)).strip()
        try:
            _run("mount", device, str(self._folder))
        finally:
            _run("losetup", "--detach", device)  # once it is not mounted
        try:
            yield
        finally:
            _run("umount", str(self._folder))

    def cut_power(self) -> None:
        """Lose all that was written and not synced; nothing more can be written until it is mounted again."""
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _SHUTDOWN, _WITHOUT_LOG.to_bytes(4, "little"))
        finally:
            os.close(handle)


def can_mount() -> bool:
    """Return whether disks can be mounted: in memory, and in a file, and whether the power of the latter can be cut."""
    with tempfile.TemporaryDirectory() as folder, suppress(OSError, subprocess.CalledProcessError):
        place = Path(folder, "disk")
        place.mkdir()
        with mounted(place, 1):
            pass
        disk = Disk(place, 8)
        with disk.mounted():
            disk.cut_power()
            return True
    return False


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
