"""Addresses: types, values, defaults, requests and their decisions, gates, days, and what history and events tell."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, assert_type

import attrs
import pytest

from tests.helpers import faults_of
from tests.services.helpers import add_tenant, over, refused, register, unchanged
from usercore import (
    Actor,
    Address,
    AddressAcceptance,
    AddressChangedSince,
    AddressChangeRequest,
    AddressNotFound,
    AddressPolicy,
    AddressRemoval,
    AddressTypeNotFound,
    ChangeRequestNotFound,
    ChangeRequestState,
    ChangeRequestWrongState,
    Email,
    Event,
    Gates,
    LostRace,
    NotAllowed,
    NothingChanged,
    Page,
    ParentAddressNotFound,
    Subscriber,
    TooManyAddresses,
    User,
    UserCore,
    UserNotFound,
    UserState,
    Vetoed,
    WrongState,
)
from usercore.addresses.errors import ParentAddressNotFound as Parentless
from usercore.addresses.service import held_version
from usercore.kernel.entity import evolve
from usercore.kernel.errors import Corrupt, FieldError
from usercore.storage import Unit
from usercore.testing import FakeClock

ZOE = Actor.operator("Zoë")
VALUES = {"first_name": "Ann", "street": "Main", "number": "7", "zip": "01234", "city": "Nitra", "country": "SK"}


@pytest.fixture
def ann(core: UserCore) -> User:
    core.addresses.declare_type("invoice", title="Invoice", sorting=20)
    core.addresses.declare_type("print", sorting=10)
    return register(core)


def gated(core: UserCore, **gates: Any) -> UserCore:
    """Return a core over the same store whose host has these gates."""
    return over(core, gates=Gates(**{name: [gate] for name, gate in gates.items()}))


def asking(core: UserCore, **policy: Any) -> UserCore:
    """Return a core over the same store with another policy of addresses."""
    return over(core, policy=attrs.evolve(core.policy, addresses=AddressPolicy(**policy)))


def changes(core: UserCore, user: User) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return the changes of a user's addresses, oldest first."""
    rows = [entry for entry in core.history.of_user(user.id) if entry.kind.startswith("address")]
    return [(entry.kind, dict(entry.old), dict(entry.new)) for entry in reversed(rows)]


def erase(core: UserCore, user: User) -> None:
    """Mark a user as erased."""

    def work(unit: Unit) -> None:
        unit.users.replace(evolve(unit.users.lock(user.id), state=UserState.ERASED))

    core._service.units.write(work)


async def deferred(_: object) -> None:
    """Return a coroutine."""


def generated(_: object) -> Iterator[None]:
    """Return a generator."""
    yield


def today(clock: FakeClock) -> date:
    return clock.now.date()


# Types


@pytest.mark.rule("A1", "T8")
def test_a_type_is_declared_once_and_changed_by_declaring_it_otherwise(core: UserCore, clock: FakeClock) -> None:
    made = clock.now
    first = core.addresses.declare_type("invoice")
    assert (first.title, first.sorting, first.accepts_at_once, first.version) == (None, 100, False, 1)
    clock.tick()
    with unchanged(core):
        assert core.addresses.declare_type("invoice") == first
    second = core.bind(actor=ZOE).addresses.declare_type("invoice", title=" Invoice ", accepts_at_once=True)
    assert (second.title, second.accepts_at_once, second.version) == ("Invoice", True, 2)
    assert (second.created_at, second.created_by) == (made, "host")
    assert (second.modified_at, second.modified_by) == (clock.now, "operator:Zoë")
    assert core.addresses.types() == (second,)


@pytest.mark.rule("A1")
def test_types_are_listed_by_sorting_and_key(core: UserCore) -> None:
    for key, sorting in (("b", 2), ("c", 1), ("a", 2), ("d", -1)):
        core.addresses.declare_type(key, sorting=sorting)
    assert [one.key for one in core.addresses.types()] == ["d", "c", "a", "b"]


@pytest.mark.rule("A1", "T2")
def test_each_tenant_has_types_of_its_own(core: UserCore) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    acme.addresses.declare_type("invoice")
    assert core.addresses.types() == ()
    with pytest.raises(AddressTypeNotFound):
        core.addresses.add(register(core).id, "invoice")


@pytest.mark.rule("A1")
def test_a_type_that_was_not_declared_is_refused(core: UserCore, ann: User) -> None:
    for call in (
        lambda: core.addresses.add(ann.id, "Invoice"),
        lambda: core.addresses.request_change(ann.id, "invoices", zip="1"),
    ):
        with refused(core, AddressTypeNotFound, but=()):
            call()
    assert core.addresses.get(ann.id, "invoices") is None
    assert core.addresses.list(ann.id, ["invoices"]).rows == ()


@pytest.mark.rule("A1")
def test_every_fault_of_a_type_is_reported(core: UserCore) -> None:
    faults = faults_of(lambda: core.addresses.declare_type(" ", title="\0", sorting=10**7))
    assert {fault.field for fault in faults} == {"key", "title", "sorting"}


# Adding, finding and listing


@pytest.mark.rule("A2", "A3", "T8")
def test_an_added_address_has_its_values_and_who_added_it_and_when(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.bind(actor=ZOE).addresses.add(Email("ann@example.com"), "invoice", company_id=" 12 345", **VALUES)
    assert_type(added, Address)
    assert {field: getattr(added, field) for field in VALUES} == VALUES
    assert (added.company_id, added.phone, added.user_id, added.type) == ("12345", None, ann.id, "invoice")
    assert (added.created_at, added.created_by) == (added.modified_at, added.modified_by) == (clock.now, "operator:Zoë")
    assert (added.version, added.valid_from, added.valid_until) == (1, today(clock), None)
    assert core.addresses.get(ann.id, added.id) == core.addresses.get(ann.id, "invoice") == added
    assert core.addresses.list(ann.id).rows == (added,)


@pytest.mark.rule("A3")
def test_an_address_begins_with_an_accepted_request_and_one_change(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    (request,) = core.addresses.requests(ann.id)
    assert (request.old, request.new.street, request.address_id) == (None, "Main", added.id)
    assert (request.state, request.version_id) == (ChangeRequestState.ACCEPTED, added.version_id)
    assert request.requested_by == request.decided_by == "host"
    assert [kind for kind, _, _ in changes(core, ann)] == ["address.added"]
    with refused(core, ChangeRequestWrongState, but=()):
        core.addresses.accept(ann.id, request.id, force=True)
    with refused(core, ChangeRequestWrongState, but=()):
        core.addresses.reject(ann.id, request.id)


@pytest.mark.rule("A2")
@pytest.mark.parametrize(
    ("default", "given", "country"), [("AT", {}, "AT"), ("AT", {"country": "de"}, "DE"), (None, {}, None)]
)
def test_without_a_country_an_address_has_the_tenants(
    core: UserCore, ann: User, default: str | None, given: dict[str, Any], country: str | None
) -> None:
    core.tenant("system").tenants.update("main", country=default)
    added = core.addresses.add(ann.id, "invoice", **given)
    assert added.country == country
    core.tenant("system").tenants.update("main", country="FR")
    assert core.addresses.get(ann.id, added.id) == added


@pytest.mark.rule("A2")
def test_the_first_address_of_each_type_is_its_default(core: UserCore, ann: User) -> None:
    flags = [core.addresses.add(ann.id, kind).is_default for kind in ("invoice", "invoice", "print", "invoice")]
    assert flags == [True, False, True, False]


@pytest.mark.rule("A2")
def test_another_address_becomes_the_default_of_its_type(core: UserCore, ann: User) -> None:
    first, other, second = (core.addresses.add(ann.id, kind) for kind in ("invoice", "print", "invoice"))
    assert core.addresses.set_default(ann.id, second.id)
    with unchanged(core, but=["users"]):
        assert not core.addresses.set_default(ann.id, second.id)
    flags = {one.id: (one.is_default, one.version) for one in core.addresses.list(ann.id)}
    assert flags == {first.id: (False, 1), second.id: (True, 1), other.id: (True, 1)}
    assert core.addresses.get(ann.id, "invoice") == evolve(second, is_default=True)
    names = {"type": "invoice", "is_default": False}
    assert changes(core, ann)[-2:] == [
        (
            "address.default_changed",
            {"address_id": first.id, **names, "is_default": True},
            {"address_id": first.id, **names},
        ),
        (
            "address.default_changed",
            {"address_id": second.id, **names},
            {"address_id": second.id, **names, "is_default": True},
        ),
    ]


@pytest.mark.rule("A2", "A7")
def test_after_the_default_was_removed_the_one_that_changed_last_is_the_default(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    first, second, third = (core.addresses.add(ann.id, "invoice") for _ in range(3))
    other = core.addresses.add(ann.id, "print")
    clock.tick()
    change = core.addresses.request_change(ann.id, second.id, street="High")
    core.addresses.accept(ann.id, change.id)
    clock.tick()
    core.addresses.set_default(ann.id, first.id)
    core.addresses.remove(ann.id, third.id)
    assert [one.id for one in core.addresses.list(ann.id) if one.is_default] == [other.id, first.id]
    core.addresses.remove(ann.id, first.id)
    assert [one.id for one in core.addresses.list(ann.id) if one.is_default] == [second.id, other.id]
    core.addresses.remove(ann.id, second.id)
    assert core.addresses.get(ann.id, "invoice") is None


@pytest.mark.rule("A7")
def test_addresses_are_listed_by_type_the_one_that_changed_last_first(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    made = []
    for kind in ("invoice", "print", "invoice"):
        clock.tick()
        made.append(core.addresses.add(ann.id, kind).id)
    clock.tick()
    core.addresses.accept(ann.id, core.addresses.request_change(ann.id, made[0], zip="1").id)
    core.addresses.remove(ann.id, made[2])

    def listed(*types: Any) -> list[int]:
        return [one.id for one in core.addresses.list(ann.id, *types)]

    assert listed() == listed(["print", "invoice"]) == [made[0], made[1]]
    assert (listed("print"), listed(["invoice"]), listed([])) == ([made[1]], [made[0]], [])


@pytest.mark.rule("A2")
def test_a_user_has_as_many_addresses_as_the_policy_allows(core: UserCore, ann: User) -> None:
    small = asking(core, max_addresses=2)
    first = small.addresses.add(ann.id, "invoice")
    small.addresses.add(ann.id, "print")
    with refused(core, TooManyAddresses, but=()):
        small.addresses.add(ann.id, "invoice")
    small.addresses.remove(ann.id, first.id)
    assert small.addresses.add(ann.id, "invoice").is_default


@pytest.mark.rule("A2")
def test_every_fault_of_an_address_is_reported_by_field(core: UserCore, ann: User) -> None:
    calls: dict[str, Callable[[], object]] = {
        "address_type": lambda: core.addresses.add(ann.id, " ", street="\0", country="Slovakia"),
        "address": lambda: core.addresses.request_change(ann.id, " ", street="\0", country="Slovakia"),
    }
    for name, call in calls.items():
        assert [fault.field for fault in faults_of(call)] == [name, "street", "country"]


# Requests


@pytest.mark.rule("A4")
def test_a_request_has_the_old_and_the_new_values_and_who_asked(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice", **VALUES)
    clock.tick()
    asked = core.bind(actor=Actor.user(ann.id)).addresses.request_change(ann.id, "invoice", street="High", number="")
    assert_type(asked, AddressChangeRequest)
    assert asked.old is not None
    assert (asked.old.street, asked.old.number, asked.old.city) == ("Main", "7", "Nitra")
    assert (asked.new.street, asked.new.number, asked.new.city) == ("High", None, "Nitra")
    assert (asked.state, asked.requested_by, asked.requested_at) == (
        ChangeRequestState.NEW,
        f"user:{ann.id}",
        clock.now,
    )
    assert (asked.address_id, asked.decided_at, asked.version_id) == (added.id, None, None)
    assert core.addresses.get(ann.id, added.id) == added
    listed = core.addresses.requests(ann.id, state=ChangeRequestState.NEW)
    assert_type(listed, Page[AddressChangeRequest])
    assert listed.rows == core.addresses.open_requests().rows == (asked,)


@pytest.mark.rule("A4")
@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ({"company_id": "12345"}, {"company_id": "12 345"}),
        ({"company_id": "12 345"}, {"company_id": "123 45"}),
        ({"zip": "0123"}, {"zip": " 0123 "}),
        ({"street": ""}, {"street": None}),
        ({"street": None}, {"street": " "}),
        ({"country": "SK"}, {"country": "sk"}),
        ({"street": "Main"}, {}),
    ],
)
def test_equal_values_are_no_change(core: UserCore, ann: User, stored: dict[str, Any], asked: dict[str, Any]) -> None:
    core.addresses.add(ann.id, "invoice", **stored)
    with refused(core, NothingChanged, but=()):
        core.addresses.request_change(ann.id, "invoice", **asked)


@pytest.mark.rule("A4")
@pytest.mark.parametrize(
    ("stored", "asked"), [({"zip": "0123"}, {"zip": "123"}), ({"street": "Main"}, {"street": "main"})]
)
def test_values_that_look_alike_are_a_change(
    core: UserCore, ann: User, stored: dict[str, Any], asked: dict[str, Any]
) -> None:
    core.addresses.add(ann.id, "invoice", **stored)
    assert core.addresses.request_change(ann.id, "invoice", **asked).new != core.addresses.get(ann.id, "invoice")


@pytest.mark.rule("A4")
def test_without_an_address_there_is_nothing_to_change(core: UserCore, ann: User) -> None:
    other = register(core, "bob")
    theirs = core.addresses.add(other.id, "invoice", street="Main")
    removed = core.addresses.add(ann.id, "print")
    core.addresses.remove(ann.id, removed.id)
    for key in ("invoice", "print", removed.id, theirs.id, 0, -1, 2**70):
        with refused(core, ParentAddressNotFound, but=()) as raised:
            core.addresses.request_change(ann.id, key, street="High")
        assert isinstance(raised.value, AddressNotFound | Parentless)


@pytest.mark.rule("A5", "T8")
def test_an_accepted_request_changes_the_address_and_says_who_decided_when_and_why(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    added = core.addresses.add(ann.id, "invoice", **VALUES)
    asked = core.addresses.request_change(ann.id, added.id, street="High")
    clock.tick()
    decided = core.bind(actor=ZOE).addresses.accept(ann.id, asked.id, reason="called")
    assert (decided.state, decided.decided_at, decided.decided_by, decided.reason) == (
        ChangeRequestState.ACCEPTED,
        clock.now,
        "operator:Zoë",
        "called",
    )
    assert (decided.old, decided.new) == (asked.old, asked.new)
    now = core.addresses.get(ann.id, added.id)
    assert now is not None
    assert (now.street, now.version, now.version_id) == ("High", 2, decided.version_id)
    assert (now.modified_at, now.modified_by) == (clock.now, "operator:Zoë")
    assert (now.created_at, now.created_by) == (added.created_at, added.created_by)
    assert core.addresses.open_requests().rows == ()


@pytest.mark.rule("A5")
def test_a_rejected_request_changes_nothing_but_itself(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice", **VALUES)
    asked = core.addresses.request_change(ann.id, added.id, street="High")
    clock.tick()
    decided = core.bind(actor=ZOE).addresses.reject(ann.id, asked.id, reason="no such street")
    assert (decided.state, decided.decided_at, decided.decided_by, decided.reason, decided.version_id) == (
        ChangeRequestState.REJECTED,
        clock.now,
        "operator:Zoë",
        "no such street",
        None,
    )
    assert core.addresses.get(ann.id, added.id) == added


@pytest.mark.rule("A5")
@pytest.mark.parametrize("first", ["accept", "reject"])
@pytest.mark.parametrize("second", ["accept", "reject"])
def test_a_request_is_decided_once(core: UserCore, ann: User, first: str, second: str) -> None:
    core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, "invoice", street="High")
    decided = getattr(core.addresses, first)(ann.id, asked.id)
    with refused(core, WrongState, but=()) as raised:
        getattr(core.addresses, second)(ann.id, asked.id)
    assert (type(raised.value), raised.value.state) == (ChangeRequestWrongState, decided.state)


@pytest.mark.rule("A5")
def test_a_request_of_a_removed_address_cannot_be_decided(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, added.id, street="High")
    core.addresses.remove(ann.id, added.id)
    for call in (core.addresses.accept, core.addresses.reject):
        with refused(core, ChangeRequestWrongState, but=()) as raised:
            call(ann.id, asked.id)
        assert raised.value.state == "removed"
    assert core.addresses.open_requests().rows == ()


@pytest.mark.rule("A5")
def test_a_request_of_an_erased_user_cannot_be_decided(core: UserCore, ann: User) -> None:
    core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, "invoice", street="High")
    erased_meanwhile = gated(core, address_acceptances=lambda _: erase(core, ann))
    with pytest.raises(ChangeRequestWrongState):
        erased_meanwhile.addresses.accept(ann.id, asked.id)
    for call in (core.addresses.accept, core.addresses.reject):
        with refused(core, ChangeRequestWrongState, but=()) as raised:
            call(ann.id, asked.id)
        assert raised.value.state == "erased"


@pytest.mark.rule("A5")
def test_only_the_users_own_requests_are_decided(core: UserCore, ann: User) -> None:
    bob = register(core, "bob")
    core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, "invoice", street="High")
    for call in (core.addresses.accept, core.addresses.reject):
        for number in (asked.id + 1, 0, 2**70):
            with refused(core, ChangeRequestNotFound, but=()):
                call(ann.id, number)
        with refused(core, ChangeRequestNotFound, but=()):
            call(bob.id, asked.id)
        with refused(core, UserNotFound, but=()):
            call(bob.id + 1, asked.id)


@pytest.mark.rule("A4", "A5")
def test_of_two_open_requests_the_second_is_refused_unless_it_is_forced(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main", phone="1")
    first = core.addresses.request_change(ann.id, added.id, street="High")
    second = core.addresses.request_change(ann.id, added.id, phone="2")
    core.addresses.accept(ann.id, first.id)
    with refused(core, AddressChangedSince, but=()):
        core.addresses.accept(ann.id, second.id)
    core.addresses.accept(ann.id, second.id, force=True)
    now = core.addresses.get(ann.id, added.id)
    assert now is not None
    assert (now.street, now.phone) == ("Main", "2")  # what the second request showed


@pytest.mark.rule("A5")
def test_a_forced_request_whose_values_hold_already_makes_no_version(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    requests = [core.addresses.request_change(ann.id, added.id, street="High") for _ in range(2)]
    core.addresses.accept(ann.id, requests[0].id)
    before = core.addresses.get(ann.id, added.id)
    assert before is not None
    assert core.addresses.accept(ann.id, requests[1].id, force=True).version_id == before.version_id
    assert core.addresses.get(ann.id, added.id) == before


@pytest.mark.rule("A5")
def test_the_policy_may_want_another_actor_to_accept(core: UserCore, ann: User) -> None:
    strict = asking(core, requester_may_accept=False)
    own = strict.bind(actor=Actor.user(ann.id))
    own.addresses.add(ann.id, "invoice", street="Main")
    asked = own.addresses.request_change(ann.id, "invoice", street="High")
    with refused(core, NotAllowed, but=()):
        own.addresses.accept(ann.id, asked.id, force=True)
    assert strict.bind(actor=ZOE).addresses.accept(ann.id, asked.id).state is ChangeRequestState.ACCEPTED
    again = own.addresses.request_change(ann.id, "invoice", street="Back")
    assert own.addresses.reject(ann.id, again.id).state is ChangeRequestState.REJECTED
    last = core.bind(actor=ZOE).addresses.request_change(ann.id, "invoice", street="Back")
    assert core.bind(actor=ZOE).addresses.accept(ann.id, last.id).state is ChangeRequestState.ACCEPTED


@pytest.mark.rule("A6")
def test_a_type_may_accept_requests_at_once(core: UserCore, ann: User) -> None:
    core.addresses.declare_type("print", accepts_at_once=True)
    own = asking(core, requester_may_accept=False).bind(actor=Actor.user(ann.id))
    added = own.addresses.add(ann.id, "print", street="Main")
    asked = own.addresses.request_change(ann.id, "print", street="High")
    assert (asked.state, asked.decided_by) == (ChangeRequestState.ACCEPTED, f"user:{ann.id}")
    now = own.addresses.get(ann.id, added.id)
    assert now is not None
    assert (now.street, now.version_id) == ("High", asked.version_id)
    kinds = [kind for kind, _, _ in changes(core, ann)]
    assert kinds == ["address.added", "address.change_requested", "address.change_accepted"]


@pytest.mark.rule("A4")
def test_requests_are_listed_in_pages(core: UserCore, ann: User) -> None:
    core.addresses.add(ann.id, "invoice", street="Main")
    made = [core.addresses.request_change(ann.id, "invoice", street=f"Street {number}").id for number in range(5)]
    found, cursor = [], None
    for _ in range(3):
        page = core.addresses.requests(ann.id, cursor=cursor, limit=2)
        found += [one.id for one in page]
        cursor = page.cursor
    assert found[:5] == made[::-1]
    assert cursor is None
    first = core.addresses.open_requests(limit=3)
    assert [one.id for one in first] == made[:3]
    assert [one.id for one in core.addresses.open_requests(cursor=first.cursor)] == made[3:]


# Gates


@pytest.mark.rule("A5", "A7")
def test_gates_are_shown_what_is_about_to_happen(core: UserCore, ann: User, clock: FakeClock) -> None:
    asked: list[Any] = []
    watched = gated(core, address_acceptances=asked.append, address_removals=asked.append).bind(actor=ZOE)
    added = watched.addresses.add(ann.id, "invoice", street="Main")
    day = today(clock) + timedelta(9)
    change = watched.addresses.request_change(ann.id, "invoice", street="High", valid_from=day)
    watched.addresses.accept(ann.id, change.id)
    watched.addresses.remove(ann.id, added.id)
    first, second, third = asked
    assert isinstance(first, AddressAcceptance)
    assert (first.user_id, first.type, first.address_id, first.old, first.new.street) == (
        ann.id,
        "invoice",
        None,
        None,
        "Main",
    )
    assert isinstance(second, AddressAcceptance)
    assert (second.address_id, second.old, second.new, second.valid_from) == (added.id, change.old, change.new, day)
    assert isinstance(third, AddressRemoval)
    assert (third.address.id, third.address.street) == (added.id, "Main")
    assert {one.context.actor for one in asked} == {ZOE}


@pytest.mark.rule("A5", "A6", "A7")
def test_a_gate_refuses_and_nothing_is_stored(core: UserCore, ann: User) -> None:
    def refuse(_: object) -> None:
        raise Vetoed("stock")

    core.addresses.declare_type("print", accepts_at_once=True)
    added = core.addresses.add(ann.id, "print", street="Main")
    core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, "invoice", street="High")
    strict = gated(core, address_acceptances=refuse, address_removals=refuse)
    calls: list[Callable[[], object]] = [
        lambda: strict.addresses.add(ann.id, "invoice"),
        lambda: strict.addresses.request_change(ann.id, "print", street="High"),
        lambda: strict.addresses.accept(ann.id, asked.id, force=True),
        lambda: strict.addresses.remove(ann.id, added.id),
    ]
    for call in calls:
        with refused(core, Vetoed, but=()):
            call()
    assert strict.addresses.request_change(ann.id, "invoice", street="Back").state is ChangeRequestState.NEW
    assert strict.addresses.reject(ann.id, asked.id).state is ChangeRequestState.REJECTED


@pytest.mark.rule("A5", "A7")
@pytest.mark.parametrize("answer", [deferred, generated], ids=["a coroutine", "a generator"])
def test_a_gate_that_never_runs_admits_nothing(core: UserCore, ann: User, answer: Callable[[object], object]) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    strict = gated(core, address_acceptances=lambda asked: answer(asked), address_removals=lambda asked: answer(asked))  # noqa: PLW0108 - or it is refused before
    with refused(core, TypeError, but=()):
        strict.addresses.remove(ann.id, added.id)
    with refused(core, TypeError, but=()):
        strict.addresses.add(ann.id, "invoice")


@pytest.mark.rule("A5", "A7")
def test_a_gate_is_asked_again_about_an_address_that_changed_meanwhile(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, added.id, street="High")
    shown: list[str | None] = []

    def change_once(acceptance: AddressAcceptance) -> None:
        assert acceptance.old is not None
        shown.append(acceptance.old.street)
        if len(shown) == 1:
            other = core.addresses.request_change(ann.id, added.id, street="Back")
            core.addresses.accept(ann.id, other.id)

    gated(core, address_acceptances=change_once).addresses.accept(ann.id, asked.id, force=True)
    assert shown == ["Main", "Back"]


@pytest.mark.rule("A7")
def test_an_address_that_changes_each_time_while_a_gate_is_asked_is_not_removed(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="0")

    def change(removal: AddressRemoval) -> None:
        street = f"{removal.address.street}0"
        core.addresses.accept(ann.id, core.addresses.request_change(ann.id, added.id, street=street).id)

    with pytest.raises(LostRace):
        gated(core, address_removals=change).addresses.remove(ann.id, added.id)
    assert [one.street for one in core.addresses.list(ann.id)] == ["0000"]


@pytest.mark.rule("A7")
def test_a_removed_address_is_shown_nowhere_and_its_versions_stay(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    core.addresses.remove(ann.id, added.id)
    assert core.addresses.list(ann.id).rows == ()
    assert core.addresses.get(ann.id, added.id) is core.addresses.get(ann.id, "invoice") is None
    version = core.addresses.version(ann.id, added.version_id)
    assert version is not None
    assert (version.street, version.address_id) == ("Main", added.id)
    for call in (core.addresses.remove, core.addresses.set_default, core.addresses.versions):
        with refused(core, AddressNotFound, but=()):
            call(ann.id, added.id)


# Days


@pytest.mark.rule("A9")
def test_a_move_announced_for_next_month_holds_from_its_day_on(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    day = today(clock) + timedelta(30)
    asked = core.addresses.request_change(ann.id, "invoice", street="High", valid_from=day)
    moved = core.addresses.accept(ann.id, asked.id)

    def street(on: date | None = None) -> str | None:
        found = core.addresses.get(ann.id, "invoice", on=on)
        return None if found is None else found.street

    assert (street(), street(day - timedelta(1)), street(day), street(day + timedelta(1000))) == (
        "Main",
        "Main",
        "High",
        "High",
    )
    assert street(today(clock) - timedelta(1)) is None
    clock.now += timedelta(30)
    assert (street(), street(day - timedelta(1))) == ("High", "Main")
    order = core.addresses.version(ann.id, added.version_id)
    assert order is not None
    assert (order.street, order.valid_until) == ("Main", day)
    assert [one.id for one in core.addresses.versions(ann.id, added.id)] == [added.version_id, moved.version_id]
    assert core.addresses.list(ann.id, on=day - timedelta(1)).rows[0].version_id == added.version_id


@pytest.mark.rule("A9")
def test_an_edit_of_todays_address_holds_until_an_announced_move(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main", phone="1")
    day = today(clock) + timedelta(30)
    move = core.addresses.request_change(ann.id, added.id, street="High", valid_from=day)
    core.addresses.accept(ann.id, move.id)
    clock.now += timedelta(5)
    edit = core.addresses.request_change(ann.id, added.id, phone="2")
    core.addresses.accept(ann.id, edit.id)
    found = [core.addresses.get(ann.id, added.id, on=on) for on in (None, day - timedelta(1), day)]
    assert [(one.street, one.phone) for one in found if one] == [("Main", "2"), ("Main", "2"), ("High", "1")]


@pytest.mark.rule("A5", "A9")
def test_an_edit_before_the_move_is_accepted_changes_what_the_move_replaces(
    core: UserCore, ann: User, clock: FakeClock
) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main", phone="1")
    move = core.addresses.request_change(ann.id, added.id, street="High", valid_from=today(clock) + timedelta(30))
    edit = core.addresses.request_change(ann.id, added.id, phone="2")
    core.addresses.accept(ann.id, edit.id)
    with refused(core, AddressChangedSince, but=()):
        core.addresses.accept(ann.id, move.id)


@pytest.mark.rule("A9")
def test_a_request_that_is_accepted_after_its_day_holds_from_today(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    wanted = today(clock) + timedelta(3)
    asked = core.addresses.request_change(ann.id, added.id, street="High", valid_from=wanted)
    clock.now += timedelta(7)
    core.addresses.accept(ann.id, asked.id)
    held = [core.addresses.get(ann.id, added.id, on=wanted + timedelta(days)) for days in (0, 3, 4)]
    assert [one.street for one in held if one] == ["Main", "Main", "High"]


@pytest.mark.rule("A9")
def test_a_second_edit_on_one_day_keeps_the_version_that_an_order_names(core: UserCore, ann: User) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    for street in ("High", "Back"):
        core.addresses.accept(ann.id, core.addresses.request_change(ann.id, added.id, street=street).id)
    versions = core.addresses.versions(ann.id, added.id)
    assert [one.street for one in versions] == ["Main", "High", "Back"]
    assert [one.valid_until == one.valid_from for one in versions] == [True, True, False]
    assert core.addresses.version(ann.id, added.version_id) == versions[0]


@pytest.mark.rule("A9")
def test_days_are_those_of_the_tenants_zone(core: UserCore, ann: User, clock: FakeClock) -> None:
    core.tenant("system").tenants.update("main", time_zone="Pacific/Kiritimati")
    tomorrow = today(clock) + timedelta(1)
    added = core.addresses.add(ann.id, "invoice", street="Main")
    assert added.valid_from == tomorrow
    core.tenant("system").tenants.update("main", time_zone="Pacific/Pago_Pago")
    assert core.addresses.get(ann.id, added.id) == added  # an address holds from the day on which it was added
    core.addresses.accept(ann.id, core.addresses.request_change(ann.id, added.id, street="High").id)
    found = core.addresses.get(ann.id, added.id)
    assert found is not None
    assert (found.street, found.valid_from) == ("High", tomorrow)


@pytest.mark.rule("A9")
def test_a_change_cannot_be_requested_for_the_past(core: UserCore, ann: User, clock: FakeClock) -> None:
    core.addresses.add(ann.id, "invoice", street="Main")
    yesterday = today(clock) - timedelta(1)
    assert faults_of(lambda: core.addresses.request_change(ann.id, "invoice", street="High", valid_from=yesterday)) == (
        FieldError("valid_from", "out_of_range"),
    )
    asked = core.addresses.request_change(ann.id, "invoice", street="High", valid_from=today(clock))
    assert asked.valid_from == today(clock)


@pytest.mark.rule("A9")
def test_an_address_without_versions_is_corrupt(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice")

    def damage(unit: Unit) -> None:
        unit.lock(ann.id)
        unit.address_versions.remove(ann.id, added.version_id)
        address = unit.addresses.get(ann.id, added.id)
        assert address is not None
        held_version(unit, address, today=today(clock))

    with pytest.raises(Corrupt):
        core._service.units.write(damage)


# History and events


@pytest.mark.rule("X2")
def test_each_change_names_the_address_and_its_type(core: UserCore, ann: User, clock: FakeClock) -> None:
    added = core.addresses.add(ann.id, "invoice", street="Main")
    asked = core.addresses.request_change(ann.id, "invoice", street="High")
    decided = core.addresses.accept(ann.id, asked.id, reason="called")
    other = core.addresses.request_change(ann.id, "invoice", street="Back")
    core.addresses.reject(ann.id, other.id)
    core.addresses.remove(ann.id, added.id)
    names = {"address_id": added.id, "type": "invoice"}
    first, second = ({**names, "request_id": one.id} for one in (asked, other))
    assert changes(core, ann)[1:] == [
        ("address.change_requested", {**first, "street": "Main"}, {**first, "street": "High"}),
        (
            "address.change_accepted",
            {**first, "reason": None, "version_id": added.version_id, "street": "Main"},
            {**first, "reason": "called", "version_id": decided.version_id, "street": "High"},
        ),
        ("address.change_requested", {**second, "street": "High"}, {**second, "street": "Back"}),
        ("address.change_rejected", second, second),
        ("address.removed", {**names, "street": "High"}, {}),
    ]
    kind, old, new = changes(core, ann)[0]
    assert (kind, old, {name: new[name] for name in names}) == ("address.added", {}, names)
    assert new["valid_from"] == today(clock).isoformat()


@pytest.mark.rule("X2", "A1")
def test_a_declared_type_is_a_change_of_the_tenant(core: UserCore) -> None:
    heard: list[Event] = []
    hearing = over(core, subscribers=[Subscriber(name="crm", kinds={"address_type.declared"}, handle=heard.append)])
    hearing.addresses.declare_type("invoice", title="Invoice")
    hearing.addresses.declare_type("invoice", title="Bill")
    hearing.outbox.deliver()
    assert [(event.entry.old, event.entry.new) for event in heard] == [
        ({}, {"key": "invoice", "title": "Invoice", "sorting": 100}),
        ({"key": "invoice", "title": "Invoice"}, {"key": "invoice", "title": "Bill"}),
    ]


@pytest.mark.rule("A5", "X3")
def test_the_reason_of_a_decision_reaches_no_subscriber(core: UserCore, ann: User) -> None:
    heard: list[Event] = []
    kinds = {"address.change_accepted", "address.change_rejected"}
    hearing = over(core, subscribers=[Subscriber(name="crm", kinds=kinds, handle=heard.append)])
    core.addresses.add(ann.id, "invoice", street="Main")
    for call, street in ((hearing.addresses.accept, "High"), (hearing.addresses.reject, "Back")):
        call(ann.id, core.addresses.request_change(ann.id, "invoice", street=street).id, reason="suspected fraud")
    hearing.outbox.deliver()
    assert len(heard) == 2
    assert "fraud" not in str([(event.entry.old, event.entry.new) for event in heard])
    assert "fraud" in str(core.history.of_user(ann.id).rows[0].new_text)


@pytest.mark.rule("A3", "Y1")
def test_several_addresses_are_added_as_one(core: UserCore, ann: User) -> None:
    def move(part: UserCore) -> None:
        part.addresses.add(ann.id, "invoice", street="Main")
        part.addresses.request_change(ann.id, "invoice", street="High")
        part.addresses.add(ann.id, "unknown")

    with refused(core, AddressTypeNotFound, but=()):
        core.atomic(move)
