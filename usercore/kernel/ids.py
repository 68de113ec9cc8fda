"""Ids: positive integers below 2^53 that rise within a process, and the UUIDs they are shown as.

An id tells when its holder was made; it is neither a secret nor a guess-proof name.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NewType
from uuid import UUID

from usercore.kernel.forks import reset_in_child
from usercore.kernel.randomness import Randomness
from usercore.kernel.time import Clock, to_micros

UserId = NewType("UserId", int)
TenantId = NewType("TenantId", int)

EPOCH_MS: Final = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""Ids count milliseconds from here. Source: spec I1."""

FIRST_DRAWN: Final = 1 << 40
"""Smaller ids are for the built-in tenants and for ids that an import brings. Source: spec I1."""

LIMIT: Final = 1 << 53
"""Ids stay below, so that JavaScript reads them exactly. Source: spec I1."""

_DRAWN_BITS: Final = 12

_START_BYTES: Final = 5
"""What is drawn of the first id under an early clock: it stays below those of clocks past January 2025."""


class IdMaker:
    """Makes ids: milliseconds, 12 bits drawn once in each new millisecond, and a count within it.

    Safe to share between threads. In a forked child it starts afresh, or both processes would make the same ids.
    """

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        """Make ids by this clock and these drawn bits."""
        self._clock = clock
        self._chance = randomness
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Draw anew at the next id; see ``forks``."""
        self._lock = threading.Lock()
        self._last: int | None = None
        self._milli = -1

    def __call__(self) -> int:
        """Make one id."""
        return self.take(1)[0]

    def take(self, count: int) -> range:
        """Make ``count`` ids at once, without a gap.

        A clock that is before 2025 or was set back makes them follow the last one.

        Raises:
            OverflowError: the clock is after 2094, or the ids up to there are used up.
        """
        with self._lock:
            milli = to_micros(self._clock()) // 1000 - EPOCH_MS
            first = (self._start(milli) if self._last is None else self._last) + 1
            if milli > self._milli:
                drawn = int.from_bytes(self._chance(2), "big") >> (16 - _DRAWN_BITS)
                first = max(first, (milli << _DRAWN_BITS) | drawn)
            if first + count > LIMIT:
                msg = "the clock is after 2094; ids are made until then"
                raise OverflowError(msg)
            self._last, self._milli = first + count - 1, max(milli, self._milli)
            return range(first, first + count)

    def _start(self, milli: int) -> int:
        """Return what the first id follows: drawn if the clock is too early to tell two processes apart."""
        is_early = milli << _DRAWN_BITS < FIRST_DRAWN
        return FIRST_DRAWN - 1 + (int.from_bytes(self._chance(_START_BYTES), "big") if is_early else 0)


USER_KIND: Final = 1
TENANT_KIND: Final = 2
"""What a UUID names, kept in its last 62 bits. Roles will be 3. Source: spec I2."""

_EPOCH_SHIFT: Final = 80
_LOW_SHIFT: Final = 64


def uuid_of(number: int, kind: int) -> UUID:
    """Show an id as a UUIDv8: milliseconds since 1970, version, 12 bits, variant, kind."""
    milli = (number >> _DRAWN_BITS) + EPOCH_MS
    drawn = number & ((1 << _DRAWN_BITS) - 1)
    return UUID(int=milli << _EPOCH_SHIFT | 8 << 76 | drawn << _LOW_SHIFT | 0b10 << 62 | kind)


def id_of(uuid: UUID, kind: int) -> int | None:
    """Return the id from which a UUID was derived, or None if it was not derived from an id of this kind."""
    milli = (uuid.int >> _EPOCH_SHIFT) - EPOCH_MS
    number = milli << _DRAWN_BITS | (uuid.int >> _LOW_SHIFT) & ((1 << _DRAWN_BITS) - 1)
    return number if 0 < number < LIMIT and uuid_of(number, kind) == uuid else None


def plain_uuid(uuid: UUID) -> UUID:
    """Return ``uuid`` without what a subclass adds to it."""
    return uuid if type(uuid) is UUID else UUID(int=uuid.int)


IdSource = Callable[[], int]
"""Returns a new id at each call."""
