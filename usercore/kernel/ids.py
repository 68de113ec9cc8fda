"""Ids: positive integers below 2^53 that increase within a process, and the UUIDs that are derived from them.

An id reveals when its holder was created; it is neither secret nor unguessable.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NewType
from uuid import UUID

from usercore.kernel.forks import reset_in_child
from usercore.kernel.randomness import Randomness
from usercore.kernel.time import Clock, to_micros

UserId = NewType("UserId", int)
TenantId = NewType("TenantId", int)
RoleId = NewType("RoleId", int)

EPOCH_MS: Final = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""The epoch of ids, in milliseconds since 1970: ids count milliseconds from here. Source: spec I1."""

FIRST_DRAWN: Final = 1 << 40
"""Smaller ids are for the built-in tenants and for ids that an import supplies. Source: spec I1."""

LIMIT: Final = 1 << 53
"""Ids are below this, so that JavaScript represents them exactly. Source: spec I1."""

_DRAWN_BITS: Final = 12

_START_BYTES: Final = 5
"""Random bytes of the first id under an early clock: it is below the ids of clocks past January 2025."""


class IdMaker:
    """Generates ids: milliseconds, 12 random bits chosen once in each new millisecond, and a count within it.

    Safe to share between threads. It is reset in a forked child, or both processes would generate the same ids.
    """

    def __init__(self, clock: Clock, randomness: Randomness) -> None:
        """Create a generator of ids with this clock and source of randomness."""
        self._clock = clock
        self._chance = randomness
        self.reset_after_fork()
        reset_in_child(self)

    def reset_after_fork(self) -> None:
        """Choose new random bits for the next id; see ``forks``."""
        self._lock = threading.Lock()
        self._last: int | None = None
        self._milli = -1

    def __call__(self) -> int:
        """Generate one id."""
        return self.take(1)[0]

    def take(self, count: int) -> range:
        """Generate ``count`` consecutive ids.

        If the clock is before 2025 or was set back, they follow the last id.

        Raises:
            OverflowError: the clock is after 2094, or no id is left up to then.
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
        """Return the number that the first id follows: random if the clock is too early to tell two processes apart."""
        is_early = milli << _DRAWN_BITS < FIRST_DRAWN
        return FIRST_DRAWN - 1 + (int.from_bytes(self._chance(_START_BYTES), "big") if is_early else 0)


def drawn_at(number: int) -> datetime | None:
    """Return when an id was generated, to the millisecond, or None for one that an import supplied."""
    if number < FIRST_DRAWN:
        return None
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number >> _DRAWN_BITS)


USER_KIND: Final = 1
TENANT_KIND: Final = 2
ROLE_KIND: Final = 3
ROLE_ASSIGNMENT_KIND: Final = 4
"""The kind of thing that a UUID refers to, stored in its last 62 bits. Source: spec I2."""

_EPOCH_SHIFT: Final = 80
_LOW_SHIFT: Final = 64


def uuid_of(number: int, kind: int) -> UUID:
    """Return the UUIDv8 of an id: milliseconds since 1970, version, 12 bits, variant, kind."""
    milli = (number >> _DRAWN_BITS) + EPOCH_MS
    drawn = number & ((1 << _DRAWN_BITS) - 1)
    return UUID(int=milli << _EPOCH_SHIFT | 8 << 76 | drawn << _LOW_SHIFT | 0b10 << 62 | kind)


def id_of(uuid: UUID, kind: int) -> int | None:
    """Return the id from which a UUID was derived, or None if it was not derived from an id of this kind."""
    milli = (uuid.int >> _EPOCH_SHIFT) - EPOCH_MS
    number = milli << _DRAWN_BITS | (uuid.int >> _LOW_SHIFT) & ((1 << _DRAWN_BITS) - 1)
    return number if 0 < number < LIMIT and uuid_of(number, kind) == uuid else None


def plain_uuid(uuid: UUID) -> UUID:
    """Return ``uuid`` as a plain ``UUID``, without the attributes of a subclass."""
    return uuid if type(uuid) is UUID else UUID(int=uuid.int)


IdSource = Callable[[], int]
"""Returns a new id at each call."""
