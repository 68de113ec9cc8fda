"""Recording: how a unit turns recorded changes into history entries and deliveries.

A storage's unit inherits ``RecordingUnit`` and sets its repositories; so the rules of history are implemented once, and
a storage only stores rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Self, TypeVar
from uuid import UUID

import attrs

from usercore.history.model import Entry
from usercore.history.ports import HistoryRepository
from usercore.history.rules import entry_of
from usercore.kernel.changes import Change, Subject
from usercore.kernel.context import Context
from usercore.kernel.errors import TenantNotFound, UserNotFound
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.references import Reference, check_user_id
from usercore.kernel.time import Clock
from usercore.kernel.values import frozen
from usercore.outbox.model import Delivery
from usercore.outbox.ports import DeliveryRepository
from usercore.tenants.ports import TenantRepository
from usercore.users.keys import claim_of
from usercore.users.ports import ClaimRepository, UserRepository

T = TypeVar("T")

Subscriptions = Mapping[str, tuple[str, ...]]
"""The names of the durable subscribers of each kind of change."""


@frozen(kw_only=True)
class UnitContext:
    """The context of units: the tenant and actor, the clock, and the observer of their changes.

    ``ordering_key`` returns the number of a recipient for a subscriber whose deliveries are ordered by recipient.
    ``observe`` is called with the entries of a unit, if there are any, after its commit, in the thread of its caller;
    it must not raise.
    """

    context: Context
    clock: Clock
    subscriptions: Subscriptions = attrs.field(factory=dict)
    observe: Callable[[Sequence[Entry]], None] | None = None
    ordering_key: Callable[[str, str], int] | None = None


class RecordingUnit(ABC):
    """The part of a storage's unit that is the same for every storage.

    The storage sets the repositories, calls ``begin`` before each run of a unit, ``finish`` after its work and inside
    its transaction, and ``number`` whenever a repository locks or adds a subject. It overrides ``in_savepoint``.
    """

    users: UserRepository
    claims: ClaimRepository
    tenants: TenantRepository
    history: HistoryRepository
    deliveries: DeliveryRepository

    origin: UnitContext
    entries: list[Entry]

    def begin(self, origin: UnitContext) -> None:
        """Start a run for this origin, with nothing recorded."""
        self.entries = []
        self._stored = 0
        self._start(origin)

    def _start(self, origin: UnitContext) -> None:
        self.origin = origin
        self.tenant_id = origin.context.tenant_id
        self._numbers: dict[tuple[Subject, int], int] = {}
        self._at: datetime | None = None

    def number(self, subject: Subject, subject_id: int, change_no: int) -> None:
        """Note that the unit has locked this subject, and the number of its changes."""
        self._numbers[subject, subject_id] = change_no

    def lock(self, user_id: UserId) -> None:
        """Lock the user; see ``ChangingUnit``."""
        self.users.lock_state(user_id)

    def lock_tenant(self, tenant_id: TenantId) -> None:
        """Lock the tenant; see ``ChangingUnit``."""
        self.tenants.lock(tenant_id)

    def record(self, change: Change) -> None:
        """Store a delivery for each durable subscriber, and the entry as the unit ends; see ``ChangingUnit``."""
        entry = self.entry_of(change)
        for subscriber in self.origin.subscriptions.get(entry.kind, ()):
            self.deliveries.add(
                _delivery_of(entry, subscriber, change.generation, self._ordering_key(subscriber, change))
            )

    def _ordering_key(self, subscriber: str, change: Change) -> int:
        number_of = self.origin.ordering_key
        return 0 if number_of is None or change.recipient is None else number_of(subscriber, change.recipient)

    def finish(self) -> None:
        """Store the entries of the unit, or of its nested part, by one statement: nothing reads them before it ends."""
        if len(self.entries) > self._stored:
            self.history.add_many(self.entries[self._stored :])
            self._stored = len(self.entries)

    def run_nested(self, origin: UnitContext, work: Callable[[Self], T]) -> T:
        """Run ``work`` as a part of this unit, for another origin; see ``Unit``."""
        outer = self.origin, self._numbers, self._at, self._stored
        try:
            return self.in_savepoint(lambda: self._run_part(origin, work))
        except BaseException:
            self._stored = outer[-1]
            del self.entries[self._stored :]
            raise
        finally:
            self._start(outer[0])
            self._numbers, self._at = outer[1:3]

    def _run_part(self, origin: UnitContext, work: Callable[[Self], T]) -> T:
        if origin.context.tenant_id != self.tenant_id and self.tenants.get(origin.context.tenant_id) is None:
            raise TenantNotFound  # created in this unit, by a part that was undone
        self._start(origin)
        result = work(self)
        self.finish()
        return result

    @abstractmethod
    def in_savepoint(self, run: Callable[[], T]) -> T:
        """Run a function, and undo what it changed if it raises.

        After ``RunAgain``, ``StorageError`` or what is no ``Exception`` the unit ends, so nothing need be undone.
        """

    def entry_of(self, change: Change) -> Entry:
        """Create the numbered entry of a change, and note it for the observers.

        Raises:
            RuntimeError: the unit has neither locked nor added the subject.
        """
        subject = change.kind.subject
        change_no = 1 if subject is Subject.UNKNOWN_LOGIN else self._numbers.get((subject, change.subject_id))
        if change_no is None:
            msg = f"{change.kind.name} was recorded without a lock on its subject"
            raise RuntimeError(msg)
        if self._at is None:
            self._at = self.origin.clock()
        position = len(self.entries)
        entry = entry_of(change, change_no=change_no, position=position, context=self.origin.context, at=self._at)
        self.entries.append(entry)
        return entry

    def resolve(self, reference: Reference) -> UserId:
        """Return the id of the user that the reference names; see ``ResolvingUnit``."""
        if isinstance(reference, int):
            return check_user_id(reference)
        return self.get_or_raise(reference)

    def get_or_raise(self, reference: Reference) -> UserId:
        """Resolve the reference and check that the user exists; see ``ResolvingUnit``."""
        if isinstance(reference, int):
            user_id = check_user_id(reference)
            return _found(user_id if self.users.exists(user_id) else None)
        if isinstance(reference, UUID):
            return _found(self.users.id_by_uuid(reference))
        return _found(self.users.id_by_claim(claim_of(reference)))


def _found(user_id: UserId | None) -> UserId:
    if user_id is None:
        raise UserNotFound
    return user_id


def _delivery_of(entry: Entry, subscriber: str, generation: int | None, ordering_key: int) -> Delivery:
    return Delivery(
        subject_id=entry.subject_id,
        subject=entry.subject,
        change_no=entry.change_no,
        position=entry.position,
        subscriber=subscriber,
        tenant_id=entry.tenant_id,
        kind=entry.kind,
        generation=generation,
        ordering_key=ordering_key,
        made_at=entry.at,
        due_at=entry.at,
    )
