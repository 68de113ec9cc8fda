"""A delivery: one change for one subscriber. It has no personal values: those are in history only."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from usercore.kernel.bounds import check_order, span, whole
from usercore.kernel.changes import Subject
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.values import frozen


class DeliveryState(StrEnum):
    """Whether a delivery is pending, done or set aside."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    """Set aside after a day of failures; the subject's next deliveries go on."""


@entity
class Delivery:
    """One entry of history that is to be delivered to one subscriber.

    ``generation`` is what the delivery was created for (a password's version, a request's id). Deliveries of a subject
    to a subscriber are made in order, apart from those with another ``ordering_key``: a number for the recipient of a
    mail. ``lease_no`` counts the leases, so that only the relay that leased it last can finish it. ``problem`` is the
    name of the class of the last failure, nothing more. ``finished_at`` is the instant at which it was done or set
    aside.
    """

    subject_id: int
    subject: Subject
    change_no: int
    position: int
    subscriber: str
    tenant_id: TenantId
    kind: str
    generation: int | None = None
    ordering_key: int = 0
    state: DeliveryState = DeliveryState.PENDING
    made_at: datetime
    due_at: datetime
    tries: int = 0
    lease_no: int = 0
    problem: str | None = None
    failing_since: datetime | None = None
    finished_at: datetime | None = None

    @property
    def id(self) -> str:
        """The identifier that operators use."""
        return f"{self.subject}-{self.subject_id}-{self.change_no}-{self.position}-{self.subscriber}"


@frozen(kw_only=True)
class DeliveryPolicy:
    """How deliveries are leased and retried. Source: spec X3."""

    batch: int = whole(100, least=1, most=10_000, unit="deliveries")
    lease: timedelta = span(timedelta(seconds=30), least=timedelta(seconds=1), most=timedelta(days=1))
    first_pause: timedelta = span(timedelta(seconds=1), least=timedelta(milliseconds=1), most=timedelta(days=1))
    max_pause: timedelta = span(timedelta(hours=1), least=timedelta(milliseconds=1), most=timedelta(days=30))
    set_aside_after: timedelta = span(timedelta(hours=24), least=timedelta(seconds=1))
    relay_pause: timedelta = span(timedelta(seconds=1), least=timedelta(milliseconds=1), most=timedelta(days=1))
    """How long a relay waits if nothing was due. Source: usercore: the first pause after a failure."""

    def __attrs_post_init__(self) -> None:
        """Check that the pauses are in order.

        Raises:
            ValueError: the first pause is longer than the longest one.
        """
        check_order(self, "first_pause", "max_pause")


ROWS: Final = (
    Rows(
        entity=Delivery,
        erasure=Erasure.REMOVES_ABOUT,
        secret="ordering_key",  # noqa: S106 - the name of a column, which is made of the recipient's address
        plain="subject_id subject change_no position subscriber tenant_id kind generation state made_at due_at tries"
        " lease_no problem failing_since finished_at",
    ),
)
