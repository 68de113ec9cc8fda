"""What deliveries ask of a storage."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from usercore.kernel.changes import Subject
from usercore.kernel.ids import TenantId
from usercore.outbox.model import Delivery, DeliveryState

DeliveryKey = tuple[int, str, int, int, str]
"""Subject id, subject, change number, position, subscriber."""


class DeliveryRepository(Protocol):
    """The deliveries of all tenants. ``usercore.testing.contracts.deliveries`` tests it."""

    @abstractmethod
    def add(self, delivery: Delivery) -> None:
        """Store a new delivery.

        Raises:
            RunAgain: its entry already has a delivery for this subscriber.
        """

    @abstractmethod
    def get(self, key: DeliveryKey) -> Delivery | None:
        """Return the delivery, or None."""

    @abstractmethod
    def lease(self, subscribers: Sequence[str], *, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Lease at most ``limit`` pending deliveries of these subscribers that are due, and return them as leased.

        Only the earliest pending delivery of each subject, subscriber and ordering key can be leased, so that they are
        made in order.
        A leased delivery is due again at ``until`` and has the next ``lease_no``. No two units lease the same one. The
        limit is filled in the order of the subscribers, and for each by the time at which they were due.
        """

    @abstractmethod
    def bring_forward(self, subscribers: Sequence[str], *, beyond: datetime, to: datetime, limit: int) -> int:
        """Make at most ``limit`` pending deliveries of these subscribers that are due after ``beyond`` due at ``to``.

        The limit is filled in the order of the subscribers, and for each by the time at which they were due. Returns
        how many.
        """

    @abstractmethod
    def replace(self, delivery: Delivery) -> bool:
        """Replace a delivery unless it was leased since (another ``lease_no``); return whether it was replaced."""

    @abstractmethod
    def list_in(
        self, state: DeliveryState, tenant_id: TenantId, *, after: DeliveryKey | None, limit: int
    ) -> list[Delivery]:
        """Return at most ``limit`` of the tenant's deliveries in this state, ordered by key, after ``after``."""

    @abstractmethod
    def remove_done(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` deliveries that were done before; return how many."""

    @abstractmethod
    def remove_of(self, subject: Subject, subject_ids: Sequence[int]) -> None:
        """Remove all deliveries about these subjects, in any state."""


class OutboxUnit(Protocol):
    """The part of a unit that deliveries need."""

    @property
    def deliveries(self) -> DeliveryRepository:
        """The deliveries as this unit sees them."""
