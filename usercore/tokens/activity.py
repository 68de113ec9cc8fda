"""Last use of access and API tokens: collected in memory and written periodically, so that no check needs a write.

What is written of an access token is also the last access of its user from the source that it was issued to.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from usercore.kernel.errors import Busy, UsercoreError
from usercore.kernel.forks import reset_in_child
from usercore.kernel.ids import UserId
from usercore.kernel.log import log
from usercore.kernel.secret import Digest
from usercore.kernel.units import Units
from usercore.tokens.policies import AccessTokenPolicy
from usercore.tokens.ports import TokensUnit

BATCH: Final = 200
"""The most uses that one unit writes, so that it takes milliseconds: also for the check of a token that writes them."""

RETRY: Final = timedelta(seconds=1)
"""After what time uses are written that could not be, because another unit was written. Source: usercore."""


class ActivityTracker:
    """Collects when access and API tokens were used. Safe to share between threads; a failed write is retried later."""

    def __init__(self, policy: AccessTokenPolicy) -> None:
        """Create a tracker that writes at the interval of the policy."""
        self._every = policy.write_use_every
        self._uses: dict[tuple[UserId | None, Digest], datetime] = {}
        self._next: datetime | None = None
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Replace the lock, which another thread of the parent may have held; see ``forks``."""
        self._writing = threading.Lock()

    def note(self, user_id: UserId | None, digest: Digest, at: datetime, units: Units[TokensUnit] | None) -> None:
        """Record a use, and write a batch if the interval is over and ``units`` is given. Never waits and never raises.

        An API token has no user.
        """
        self._uses[user_id, digest] = at
        if self._next is None or self._next - at > self._every:  # the clock was set back
            self._next = at + self._every
        elif at >= self._next and units is not None:
            self._next = at + self._every
            self._write_at_once(units, at)

    def _write_at_once(self, units: Units[TokensUnit], at: datetime) -> None:
        """Write one batch, unless that would have to wait; the next check of a token goes on if there are more."""
        if not self._writing.acquire(blocking=False):
            return  # another thread is writing them
        try:
            self._write_some(units.write_at_once)
            if self._uses:
                self._next = at
        except Busy:
            self._next = at + min(RETRY, self._every)
        except (UsercoreError, RuntimeError):
            _log_failure()
        finally:
            self._writing.release()

    def write(self, units: Units[TokensUnit]) -> None:
        """Write all collected uses; those that cannot be written now are kept for later. Never raises."""
        if not self._writing.acquire(blocking=False):
            return  # as above
        try:
            while self._uses:
                self._write_some(units.write)
        except (UsercoreError, RuntimeError):
            _log_failure()
        finally:
            self._writing.release()

    def _write_some(self, write: Callable[[Callable[[TokensUnit], None]], None]) -> None:
        some = [self._uses.popitem() for _ in range(min(BATCH, len(self._uses)))]
        # In one order in all processes, so that two that write at once do not wait for each other's rows.
        of_users = sorted((user_id, digest, at) for (user_id, digest), at in some if user_id is not None)
        of_programs = [(digest, at) for (user_id, digest), at in some if user_id is None]

        def touch(unit: TokensUnit) -> None:
            unit.access_tokens.touch(of_users)
            unit.api_tokens.touch(of_programs)

        try:
            write(touch)
        except BaseException:
            for key, at in some:
                self._uses.setdefault(key, at)
            raise


def _log_failure() -> None:
    log().warning("last uses of tokens could not be written now", exc_info=True)
