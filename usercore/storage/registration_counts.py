"""Registrations of a tenant by their instants, and the counts of closed periods, which are stored once."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.units import ChangingUnit


@entity
class CountedPeriod:
    """How many users of a tenant registered in a period, from its start up to, but not including, its end."""

    tenant_id: TenantId
    starts_at: datetime
    ends_at: datetime
    count: int


COUNTED_PERIODS: Final = Rows(entity=CountedPeriod, erasure=Erasure.KEEPS, plain="tenant_id starts_at ends_at count")


class RegistrationCounts(Protocol):
    """Counts the users of the unit's tenant. ``usercore.testing.contracts.registration_counts`` tests it."""

    @abstractmethod
    def count_many(self, spans: Sequence[tuple[datetime, datetime]], /) -> list[int]:
        """Return how many users, erased ones included, registered in each span: at its start or later, before its end.

        An index finds them: the cost is in proportion to the result.
        """

    @abstractmethod
    def count_inactive(self) -> int:
        """Return how many registered users are not active. An index finds them, as above."""

    @abstractmethod
    def list_ending(self, since: datetime, /) -> list[CountedPeriod]:
        """Return the stored periods that end at ``since`` or later, in the order of their ends, then starts."""

    @abstractmethod
    def put_many(self, periods: Sequence[CountedPeriod], /) -> None:
        """Store counts instead of those that are stored for the same periods. The unit has locked the tenant."""

    @abstractmethod
    def drop(self, first: datetime, last: datetime, /) -> None:
        """Remove the stored periods that contain an instant from ``first`` to ``last``. The unit has locked the tenant.

        A unit that changes when users registered calls it, so that no stored count lacks them.
        """

    @abstractmethod
    def clear(self) -> int:
        """Remove all stored periods of the tenant; return how many there were. The unit has locked the tenant."""


class RegistrationCountsUnit(ChangingUnit, Protocol):
    """The part of a unit that counts registrations."""

    @property
    def registration_counts(self) -> RegistrationCounts:
        """The registrations as this unit sees them."""
