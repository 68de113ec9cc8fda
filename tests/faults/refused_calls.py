"""Calls of the system that fail, as on a bad disk: by a filter of Linux, which a process cannot remove again."""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence
from typing import Final

from tests.faults.fork_helpers import in_child

_NUMBERS: Final = {
    "x86_64": {"write": 1, "pwrite64": 18, "flock": 73, "fsync": 74, "fdatasync": 75},
    "aarch64": {"write": 64, "pwrite64": 68, "flock": 32, "fsync": 82, "fdatasync": 83},
}
"""The calls' numbers. Source: Linux, ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``asm-generic/unistd.h``."""

SYNCS: Final = ("fsync", "fdatasync")
WRITES: Final = ("write", "pwrite64")
LOCKS: Final = ("flock",)

PAGE: Final = 4096
"""Bytes of a write to a store; what tests report to their parents is shorter."""

_SET_SECCOMP, _NO_NEW_PRIVILEGES, _FILTER = 22, 38, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NUMBER, _THIRD_ARGUMENT = 0, 32
"""Places in what a filter reads. Source: Linux, ``struct seccomp_data``."""


def refuse(calls: Sequence[str], code: int, *, least: int = 0) -> None:
    """Make these calls of the thread, and of those that it starts, fail with an error of the system.

    ``least`` is the least third argument with which they do: of a write the number of bytes.

    Raises:
        OSError: the system has no filter.
    """
    numbers = [_NUMBERS[platform.machine()][name] for name in calls]
    steps = [(_LOAD, 0, 0, _NUMBER)]
    steps += [(_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_IF_AT_LEAST, 1, 0, least)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL | code)]
    code_of_filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HP", len(steps), ctypes.addressof(code_of_filter))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SET_SECCOMP, _FILTER, program, 0, 0)):
        if libc.prctl(*arguments):  # the filter is copied
            raise OSError(ctypes.get_errno(), "no filter")


def can_refuse() -> bool:
    """Return whether calls can be made to fail."""
    if sys.platform != "linux" or platform.machine() not in _NUMBERS:
        return False

    def sync() -> str:
        refuse(SYNCS, errno.EIO)
        try:
            os.fsync(1)
        except OSError as error:
            return str(error.errno)
        return ""

    return in_child(sync) == str(errno.EIO)
