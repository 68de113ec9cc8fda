"""Counts of registrations in memory."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime

from usercore.kernel.ids import TenantId
from usercore.storage.recording import RecordingUnit
from usercore.storage.registration_counts import CountedPeriod, RegistrationCounts
from usercore.users.model import User, UserState
from usercore_storage.memory.undo_dict import UndoDict, UndoLog
from usercore_storage.memory.users import MemoryUsers


class MemoryRegistrationCounts(RegistrationCounts):
    """Counts by looking at all users of the tenant."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit, users: MemoryUsers) -> None:
        self._periods = UndoDict[tuple[TenantId, datetime, datetime], CountedPeriod](undo)
        self._unit = unit
        self._users = users

    def count_many(self, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
        registered = sorted(at for at, _ in self._registered())
        return [max(bisect_left(registered, until) - bisect_left(registered, since), 0) for since, until in spans]

    def count_inactive(self) -> int:
        return sum(user.state is not UserState.ACTIVE for _, user in self._registered())

    def list_ending(self, since: datetime) -> list[CountedPeriod]:
        found = [period for period in self._own() if period.ends_at >= since]
        return sorted(found, key=lambda period: (period.ends_at, period.starts_at))

    def put_many(self, periods: Sequence[CountedPeriod]) -> None:
        for period in periods:
            self._periods.put(_key_of(period), period)

    def drop(self, first: datetime, last: datetime) -> None:
        for period in [one for one in self._own() if one.ends_at > first and one.starts_at <= last]:
            self._periods.remove(_key_of(period))

    def clear(self) -> int:
        own = list(self._own())
        for period in own:
            self._periods.remove(_key_of(period))
        return len(own)

    def _registered(self) -> Iterator[tuple[datetime, User]]:
        for user in self._users.of_tenant():
            if user.registered_at is not None:
                yield user.registered_at, user

    def _own(self) -> Iterator[CountedPeriod]:
        return (period for period in self._periods.values() if period.tenant_id == self._unit.tenant_id)


def _key_of(period: CountedPeriod) -> tuple[TenantId, datetime, datetime]:
    return period.tenant_id, period.ends_at, period.starts_at
