"""Forks: what has locks starts afresh in a child, where the threads that held them are not."""

import os
import weakref
from typing import Final, Protocol


class ForkAware(Protocol):
    """What can start afresh."""

    def reset_after_fork(self) -> None:
        """Make new locks, and forget who held or awaited the old ones."""


_restarting: Final["weakref.WeakSet[ForkAware]"] = weakref.WeakSet()


def reset_in_child(restarting: ForkAware) -> None:
    """Let it start afresh in every forked child, for as long as it lives."""
    _restarting.add(restarting)


def _restart() -> None:
    for restarting in list(_restarting):
        restarting.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart)
