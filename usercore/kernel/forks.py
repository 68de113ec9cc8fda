"""Forks: objects with locks are reset in a child process, in which the threads that held them do not exist."""

import os
import weakref
from typing import Final, Protocol


class ForkAware(Protocol):
    """An object that can be reset after a fork."""

    def reset_after_fork(self) -> None:
        """Replace all locks, and discard their holders and waiters."""


_restarting: Final["weakref.WeakSet[ForkAware]"] = weakref.WeakSet()


def reset_in_child(restarting: ForkAware) -> None:
    """Reset the object in every forked child, for as long as it exists."""
    _restarting.add(restarting)


def _restart() -> None:
    for restarting in list(_restarting):
        restarting.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart)
