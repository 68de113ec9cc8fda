"""Addresses: whatever is added, requested, decided and removed while days pass, a dict tells what holds on each day."""

from datetime import date, timedelta
from typing import Final

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from usercore.addresses.errors import (
    AddressChangedSince,
    AddressNotFound,
    ChangeRequestWrongState,
    NothingChanged,
    ParentAddressNotFound,
    TooManyAddresses,
)
from usercore.addresses.model import AddressChangeRequest, AddressPolicy, ChangeRequestState
from usercore.composition.policy import Policy
from usercore.kernel.context import Actor
from usercore.kernel.errors import NotAllowed
from usercore.testing.machines.base import StateMachine

MOST: Final = 4
TYPES: Final = st.sampled_from(("invoice", "print"))
STREETS: Final = st.sampled_from(("Main", "High", "Back"))
LATER: Final = st.sampled_from((None, None, 0, 2, 30))
WHICH: Final = st.integers(0, 30)


@attrs.define
class _Address:
    """What is known of an address. ``streets`` are by the first day of each version, with the version's id."""

    id: int
    type: str
    changed: int
    streets: dict[date, tuple[int, str]]
    is_default: bool = False
    is_removed: bool = False

    def on(self, day: date) -> tuple[int, str]:
        """Return the version and the street that hold on a day."""
        return self.streets[max(first for first in self.streets if first <= day)]


@attrs.define
class _Request:
    """What is known of a request."""

    id: int
    address: _Address
    street: str
    wanted: date | None
    replaces: int
    state: ChangeRequestState = ChangeRequestState.NEW


@pytest.mark.rule("A2", "A3", "A4", "A5", "A6", "A7", "A9", "T8")
class AddressMachine(StateMachine):
    """One user, a type whose requests are decided by another actor, and one whose requests are accepted at once."""

    outcomes = frozenset(
        {
            "AddressChangedSince",
            "AddressNotFound",
            "ChangeRequestWrongState",
            "NotAllowed",
            "NothingChanged",
            "ParentAddressNotFound",
            "TooManyAddresses",
            "accepted",
            "accepted at once",
            "accepted by force",
            "already so",
            "default removed",
            "from a later day",
            "rejected",
        }
    )
    policy = Policy(addresses=AddressPolicy(requester_may_accept=False, max_addresses=MOST))

    def begin(self) -> None:
        """Declare the types, and register the user."""
        self.user = self.core.registration.register_external("ann@example.com").user.id
        self.core.addresses.declare_type("invoice")
        self.core.addresses.declare_type("print", accepts_at_once=True)
        self.decider = self.core.bind(actor=Actor.operator("Zoë"))
        self.addresses: list[_Address] = []
        self.requests: list[_Request] = []
        self.changes = 0
        self.add("invoice", "Main")
        self.add("print", "Main")
        for street, later in (("High", None), ("Back", 2), ("Back", None)):
            self.request_change(None, "invoice", street, later)
        for which, force in ((2, False), (0, False), (0, True)):  # rare in random sequences
            self.accept(which, force=force, reason=None)

    @property
    def today(self) -> date:
        """The day in the tenant's zone, which is UTC."""
        return self.clock.now.date()

    def live(self) -> list[_Address]:
        """Return the addresses that were not removed, the one that changed last first."""
        return sorted((one for one in self.addresses if not one.is_removed), key=lambda one: -one.changed)

    def main(self, kind: str) -> _Address | None:
        """Return the default address of a type."""
        return next((one for one in self.live() if one.type == kind and one.is_default), None)

    def count(self) -> int:
        """Return a number that rises with each change."""
        self.changes += 1
        return self.changes

    @rule(days=st.sampled_from((1, 7, 40)))
    def let_days_pass(self, days: int) -> None:
        """Move the clock."""
        self.clock.now += timedelta(days=days)

    @rule(kind=TYPES, street=STREETS)
    def add(self, kind: str, street: str) -> None:
        """Add an address."""
        self.clock.tick()
        if len(self.live()) == MOST:
            self.refuses(TooManyAddresses, lambda: self.core.addresses.add(self.user, kind, street=street))
            return
        is_first = self.main(kind) is None
        added = self.core.addresses.add(self.user, kind, street=street)
        assert (added.is_default, added.valid_from, added.version) == (is_first, self.today, 1)
        streets = {self.today: (added.version_id, street)}
        self.addresses.append(
            _Address(id=added.id, type=kind, changed=self.count(), streets=streets, is_default=is_first)
        )

    @rule(which=st.none() | WHICH, kind=TYPES, street=STREETS, later=LATER)
    def request_change(self, which: int | None, kind: str, street: str, later: int | None) -> None:
        """Request another street, of an address by its id, or of the default one of a type."""
        self.clock.tick()
        chosen = self.main(kind)
        if which is not None:
            chosen = self.addresses[which % len(self.addresses)]
        key: int | str = kind if which is None else self.addresses[which % len(self.addresses)].id
        wanted = None if later is None else self.today + timedelta(days=later)

        def request() -> AddressChangeRequest:
            return self.core.addresses.request_change(self.user, key, street=street, valid_from=wanted)

        if chosen is None or chosen.is_removed:
            self.refuses(ParentAddressNotFound, request)
            return
        replaces, present = chosen.on(wanted or self.today)
        if street == present:
            self.refuses(NothingChanged, request)
            return
        made = request()
        assert made.old is not None
        assert (made.old.street, made.new.street, made.address_id) == (present, street, chosen.id)
        known = _Request(id=made.id, address=chosen, street=street, wanted=wanted, replaces=replaces)
        self.requests.append(known)
        if chosen.type == "print":
            self.note_acceptance(known, made, "accepted at once")

    @rule(which=WHICH, force=st.booleans(), reason=st.sampled_from((None, "called")))
    def accept(self, which: int, force: bool, reason: str | None) -> None:  # noqa: FBT001 - drawn
        """Accept a request, if it is open and its address as it was."""
        self.clock.tick()
        known = self.requests[-1 - which % len(self.requests)]
        day = max(self.today, known.wanted or self.today)
        is_open = known.state is ChangeRequestState.NEW and not known.address.is_removed

        def accept() -> AddressChangeRequest:
            return self.decider.addresses.accept(self.user, known.id, force=force, reason=reason)

        if not is_open:
            self.refuses(ChangeRequestWrongState, accept)
        elif known.address.on(day)[0] != known.replaces and not force:
            self.refuses(AddressChangedSince, accept)
        else:
            self.refuses(NotAllowed, lambda: self.core.addresses.accept(self.user, known.id, force=True))
            is_forced = known.address.on(day)[0] != known.replaces
            decided = accept()
            assert (decided.reason, decided.decided_by) == (reason, "operator:Zoë")
            self.note_acceptance(known, decided, "accepted by force" if is_forced else "accepted")

    def note_acceptance(self, known: _Request, decided: AddressChangeRequest, outcome: str) -> None:
        """Note that a request was accepted, and what holds from its day on."""
        assert (decided.state, decided.decided_at) == (ChangeRequestState.ACCEPTED, self.clock.now)
        assert decided.version_id is not None
        known.state = ChangeRequestState.ACCEPTED
        day = max(self.today, known.wanted or self.today)
        if known.address.on(day)[1] != known.street:
            known.address.streets[day] = (decided.version_id, known.street)
            known.address.changed = self.count()
        self.saw("from a later day" if day > self.today else outcome)

    @rule(which=WHICH)
    def reject(self, which: int) -> None:
        """Reject a request, if it is open."""
        known = self.requests[-1 - which % len(self.requests)]
        if known.state is not ChangeRequestState.NEW or known.address.is_removed:
            self.refuses(ChangeRequestWrongState, lambda: self.core.addresses.reject(self.user, known.id))
            return
        known.state = self.core.addresses.reject(self.user, known.id).state
        assert known.state is ChangeRequestState.REJECTED
        self.saw("rejected")

    @rule(which=WHICH)
    def set_default(self, which: int) -> None:
        """Choose the default address of a type."""
        chosen = self.addresses[which % len(self.addresses)]
        if chosen.is_removed:
            self.refuses(AddressNotFound, lambda: self.core.addresses.set_default(self.user, chosen.id))
            return
        assert self.core.addresses.set_default(self.user, chosen.id) == (not chosen.is_default)
        if chosen.is_default:
            self.saw("already so")
        for one in self.addresses:
            if one.type == chosen.type:
                one.is_default = one is chosen

    @rule(which=WHICH)
    def remove(self, which: int) -> None:
        """Remove an address; the one that changed last becomes the default instead."""
        chosen = self.addresses[which % len(self.addresses)]
        if chosen.is_removed:
            self.refuses(AddressNotFound, lambda: self.core.addresses.remove(self.user, chosen.id))
            return
        self.core.addresses.remove(self.user, chosen.id)
        chosen.is_removed, was_default, chosen.is_default = True, chosen.is_default, False
        heirs = [one for one in self.live() if one.type == chosen.type]
        if was_default and heirs:
            heirs[0].is_default = True
            self.saw("default removed")

    @rule(later=LATER)
    def list_addresses(self, later: int | None) -> None:
        """Compare the list of a day with what is known."""
        day = self.today + timedelta(days=later or 0)
        found = self.core.addresses.list(self.user, on=None if later is None else day)
        shown = [(one.id, one.type, one.is_default, one.version_id, one.street) for one in found]
        assert shown == [(one.id, one.type, one.is_default, *one.on(day)) for one in self.live()]

    @rule(state=st.sampled_from(ChangeRequestState))
    def list_requests(self, state: ChangeRequestState) -> None:
        """List the open requests, and those in a state."""
        open_now = [one.id for one in self.requests if one.state == "new" and not one.address.is_removed]
        assert [one.id for one in self.core.addresses.open_requests()] == open_now
        known = [one.id for one in reversed(self.requests) if one.state is state]
        added = {"accepted": len(self.addresses)}.get(state, 0)
        found = [one.id for one in self.core.addresses.requests(self.user, state=state) if one.old is not None]
        assert found == known
        assert len(self.core.addresses.requests(self.user, state=state).rows) == len(known) + added

    @rule(which=WHICH, back=st.integers(0, 60))
    def look_back(self, which: int, back: int) -> None:
        """Compare what held on an earlier day, and the versions that an order may name."""
        known, day = self.addresses[which % len(self.addresses)], self.today - timedelta(days=back)
        for number, street in known.streets.values():
            version = self.core.addresses.version(self.user, number)
            assert version is not None
            assert (version.street, version.address_id) == (street, known.id)
        if not known.is_removed:
            found = self.core.addresses.get(self.user, known.id, on=day)
            expected = known.on(day)[1] if day >= min(known.streets) else None
            assert (None if found is None else found.street) == expected
