"""What deliveries ask of a storage, and of a subscriber."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from usercore.kernel.ids import TenantId
from usercore.outbox.model import Delivery, DeliveryState

DeliveryKey = tuple[int, str, int, int, str]
"""Subject id, subject, change number, position, subscriber."""


class DeliveryRepository(Protocol):
    """Keeps deliveries of all tenants. ``usercore.testing.contracts.deliveries`` proves it."""

    @abstractmethod
    def add(self, delivery: Delivery) -> None:
        """Keep a new delivery.

        Raises:
            RunAgain: its entry has a delivery for this subscriber.
        """

    @abstractmethod
    def get(self, key: DeliveryKey) -> Delivery | None:
        """Give the delivery, or None."""

    @abstractmethod
    def lease(self, subscribers: Sequence[str], *, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Take at most ``limit`` pending deliveries of these subscribers that are due, and give them as they are now.

        Of each subject and subscriber only the earliest pending one may be taken, so that they are told in order. A
        delivery that was taken is due again at ``until`` and has the next ``lease_no``. No two units take the same. The
        subscribers are served in their order, each from what was due first.
        """

    @abstractmethod
    def replace(self, delivery: Delivery) -> bool:
        """Keep another state of a delivery if it was not leased since (same ``lease_no``); say whether it was kept."""

    @abstractmethod
    def list_in(
        self, state: DeliveryState, tenant_id: TenantId, *, after: DeliveryKey | None, limit: int
    ) -> list[Delivery]:
        """Give at most ``limit`` of the tenant's deliveries in this state, by key, from behind ``after``."""

    @abstractmethod
    def remove_done(self, before: datetime, *, limit: int) -> int:
        """Remove at most ``limit`` deliveries that were done before; say how many."""


class OutboxUnit(Protocol):
    """The part of a unit that deliveries need."""

    @property
    def deliveries(self) -> DeliveryRepository:
        """The deliveries as this unit sees them."""
