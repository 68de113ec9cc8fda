"""Last use: gathered in memory and written now and then, so that identifying somebody stays one read."""

import threading
from datetime import datetime
from typing import Final

from usercore.kernel.errors import UsercoreError
from usercore.kernel.forks import reset_in_child
from usercore.kernel.ids import UserId
from usercore.kernel.log import log
from usercore.kernel.secret import Digest
from usercore.kernel.units import Units
from usercore.tokens.model import AccessTokenPolicy
from usercore.tokens.ports import TokensUnit

BATCH: Final = 1000
"""Uses that one unit writes, so that it holds the writers' turn for milliseconds."""


class ActivityTracker:
    """Gathers when access tokens were used. Safe to share between threads; what fails is tried again later."""

    def __init__(self, policy: AccessTokenPolicy) -> None:
        """Write as often as the policy says."""
        self._every = policy.write_use_every
        self._uses: dict[tuple[UserId, Digest], datetime] = {}
        self._next: datetime | None = None
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Let somebody write again; see ``forks``."""
        self._writing = threading.Lock()

    def note(self, user_id: UserId, digest: Digest, at: datetime, units: Units[TokensUnit] | None) -> None:
        """Note a use, and write what was gathered if a minute is over and there is where to. Never raises."""
        self._uses[user_id, digest] = at
        if self._next is None:
            self._next = at + self._every
        elif at >= self._next and units is not None:
            self._next = at + self._every
            self.write(units)

    def write(self, units: Units[TokensUnit]) -> None:
        """Write what was gathered; what cannot be written now stays gathered. Never raises."""
        if not self._writing.acquire(blocking=False):
            return  # somebody writes already
        try:
            while self._uses:
                self._write_some(units)
        except (UsercoreError, RuntimeError):
            log().warning("last uses of access tokens could not be written now", exc_info=True)
        finally:
            self._writing.release()

    def _write_some(self, units: Units[TokensUnit]) -> None:
        some = [self._uses.popitem() for _ in range(min(BATCH, len(self._uses)))]
        uses = [(user_id, digest, at) for (user_id, digest), at in some]
        try:
            units.write(lambda unit: unit.access_tokens.touch(uses))
        except BaseException:
            for key, at in some:
                self._uses.setdefault(key, at)
            raise
