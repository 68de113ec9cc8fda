"""Subscriptions, observers that are called after the commit, and relays that deliver in the background."""

import json
import logging
from datetime import timedelta
from threading import Event as Signal
from threading import enumerate as threads

import pytest

from tests.services.helpers import over, refused, register
from usercore import Event, Full, Invalid, Subscriber, UserCore
from usercore.delivery.subscriber import event_of
from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import evolve
from usercore.storage import KINDS
from usercore.testing import FakeClock, FaultyStorage, WatchedStorage
from usercore.testing.fakes import check_closed
from usercore.testing.samples import an_entry

PATIENCE = 30.0
"""Seconds after which a relay that does nothing has failed."""


def ignore(_: Event) -> None:
    """Ignore the event."""


@pytest.mark.rule("X3")
@pytest.mark.parametrize("kind", ["user.unknown", "", "login_token.issued", "access_token.issued"])
def test_subscribing_to_an_unknown_or_private_kind_is_refused(core: UserCore, kind: str) -> None:
    with pytest.raises(ValueError, match="no subscriber can receive"):
        over(core, subscribers=[Subscriber(name="crm", kinds={"user.updated", kind}, handle=ignore)])


@pytest.mark.rule("X3")
@pytest.mark.parametrize("names", [("",), ("mailer",), ("crm", "crm"), ("a\nb",)], ids=str)
def test_the_name_of_a_subscriber_must_be_unique(core: UserCore, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        over(core, subscribers=[Subscriber(name=name, kinds={"user.updated"}, handle=ignore) for name in names])


@pytest.mark.rule("X3")
def test_an_observer_is_called_after_the_commit(core: UserCore, storage: WatchedStorage) -> None:
    told: list[tuple[str, str | None]] = []

    def note(event: Event) -> None:
        check_closed(storage, "an observer was told")
        assert event.delivery is None
        told.append((event.entry.kind, core.users.get(event.entry.subject_id).first_name))

    kinds = {"user.registered", "user.updated"}
    core = over(core, subscribers=[Subscriber(name="log", kinds=kinds, handle=note, durable=False)])
    user = register(core, first_name="Ann")
    core.users.update(user.id, first_name="Lee")
    core.users.deactivate(user.id)
    assert told == [("user.registered", "Ann"), ("user.updated", "Lee")]
    assert (core.outbox.pending().rows, core.outbox.deliver()) == ((), 0)


@pytest.mark.rule("X3")
def test_an_observer_is_not_called_after_a_rollback(core: UserCore, storage: WatchedStorage) -> None:
    told: list[Event] = []
    user = register(core)
    faulty = FaultyStorage(storage)
    core = UserCore.over(faulty, core._runtime.host)
    core = over(core, subscribers=[Subscriber(name="log", kinds={"user.updated"}, handle=told.append, durable=False)])
    with refused(core, Invalid, but=()):
        core.users.update(user.id, language="?")
    calls = faulty.calls_of(lambda: core.users.update(user.id, first_name="Ann"))
    told.clear()
    for number in range(1, calls + 1):
        with pytest.raises(Full), faulty.failing(number, Full(), after=True):
            core.users.update(user.id, first_name="Lee")
    core.users.update(user.id, first_name="Ann")
    assert told == []


@pytest.mark.rule("X3")
def test_an_exception_of_an_observer_is_logged_and_the_others_are_called(
    core: UserCore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Event) -> None:
        raise ConnectionError

    told: list[Event] = []
    kinds = {"user.registered"}
    observers = [
        Subscriber(name="down", kinds=kinds, handle=fail, durable=False),
        Subscriber(name="up", kinds=kinds, handle=told.append, durable=False),
    ]
    with caplog.at_level(logging.ERROR, logger="usercore"):
        user = register(over(core, subscribers=observers))
    assert [event.entry.subject_id for event in told] == [user.id]
    assert "down" in caplog.text


def relays() -> list[str]:
    return [thread.name for thread in threads() if thread.name == "usercore-relay"]


@pytest.mark.rule("X3")
def test_a_relay_delivers_in_the_background_and_stops(core: UserCore) -> None:
    told: list[int] = []
    heard = Signal()

    def note(event: Event) -> None:
        told.append(event.entry.subject_id)
        heard.set()

    core = over(core, subscribers=[Subscriber(name="crm", kinds={"user.registered"}, handle=note)])
    first = register(core)
    with core.relay():
        assert heard.wait(PATIENCE)
        heard.clear()
        second = register(core, "bob")
        assert heard.wait(PATIENCE)
    register(core, "cid")
    assert (told, relays()) == ([first.id, second.id], [])
    assert len(core.outbox.pending().rows) == 1


@pytest.mark.rule("X3")
def test_a_relay_continues_after_a_temporary_failure_of_the_storage(core: UserCore, storage: WatchedStorage) -> None:
    heard = Signal()
    faulty = FaultyStorage(storage)
    core = UserCore.over(faulty, core._runtime.host)
    subscriber = Subscriber(name="crm", kinds={"user.registered"}, handle=lambda _: heard.set())
    core = over(core, subscribers=[subscriber])
    register(core)
    with faulty.failing(1, Full()), core.relay() as relay:
        relay.wake()
        assert heard.wait(PATIENCE)


@pytest.mark.rule("X3")
def test_no_relay_thread_is_started_by_default(core: UserCore) -> None:
    core = over(core, subscribers=[Subscriber(name="crm", kinds={"user.registered"}, handle=ignore)])
    core.relay()
    register(core)
    assert relays() == []
    assert len(core.outbox.pending().rows) == 1


NOTE = "owes us a coffee"


def heard_by(durable: bool, core: UserCore, told: list[Event]) -> UserCore:  # noqa: FBT001 - the kind of subscriber
    """Return a core whose subscriber to every public kind records its events."""
    kinds = {kind.name for kind in KINDS.values() if kind.public}
    return over(core, subscribers=[Subscriber(name="log", kinds=kinds, handle=told.append, durable=durable)])


@pytest.mark.rule("U1", "M6")
@pytest.mark.parametrize("durable", [False, True])
def test_the_note_of_a_user_is_in_history_and_not_in_events(core: UserCore, durable: bool) -> None:  # noqa: FBT001 - a parameter
    told: list[Event] = []
    core = heard_by(durable, core, told)
    user = register(core, note=NOTE, first_name="Ann")
    core.users.update(user.id, note=f"{NOTE} or two", first_name="Lee")
    core.users.update(user.id, note=f"{NOTE} or three")
    core.registration.import_users([{"email": "bob@example.com", "note": NOTE}])
    core.outbox.deliver()
    kinds = [event.entry.kind for event in told if event.entry.kind.startswith("user.")]
    assert sorted(kinds) == ["user.imported", "user.registered", "user.updated", "user.updated"]
    assert not [event for event in told if NOTE in f"{event.entry.old_text}{event.entry.new_text}{event!r}"]
    assert ("Ann", "Lee") in [(event.entry.old.get("first_name"), event.entry.new.get("first_name")) for event in told]
    notes = [entry.new.get("note") for entry in core.history.of_user(user.id).rows]
    assert notes == [f"{NOTE} or three", f"{NOTE} or two", NOTE]


@pytest.mark.rule("U1", "M6")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_field_for_operators_reaches_an_event_of_any_kind(kind: ChangeKind) -> None:
    assert "note" not in kind.fields or "note" in kind.operator_only
    values = json.dumps(dict.fromkeys(kind.fields, "value"))
    entry = an_entry(kind=kind.name, subject=kind.subject, old_text=values, new_text=values)
    seen = event_of(entry, KINDS).entry
    shown = [field for field in kind.fields if field not in kind.operator_only]
    assert (list(seen.old), list(seen.new)) == (shown, shown)
    assert event_of(evolve(entry, old_text=None), KINDS).entry.old_text is None


@pytest.mark.rule("M6")
def test_an_event_of_an_unknown_kind_shows_no_values() -> None:
    seen = event_of(an_entry(kind="user.teleported"), KINDS).entry
    assert (seen.kind, seen.old_text, seen.new_text) == ("user.teleported", None, None)


@pytest.mark.rule("M6")
@pytest.mark.parametrize("was_public", [True, False])
@pytest.mark.parametrize("is_public", [True, False])
def test_an_event_shows_each_side_of_a_change_only_if_that_side_is_public(was_public: bool, is_public: bool) -> None:  # noqa: FBT001 - parameters
    kind = ChangeKind(
        "thing.changed", ("key", "value", "public"), always=frozenset({"key", "public"}), shown_if="public"
    )
    old, new = [
        {"key": "k", "value": value, "public": public} for value, public in (("a", was_public), ("b", is_public))
    ]
    entry = an_entry(kind=kind.name, old_text=json.dumps(old), new_text=json.dumps(new))
    seen = event_of(entry, {kind.name: kind}).entry
    assert [seen.old.get("value"), seen.new.get("value")] == ["a" if was_public else None, "b" if is_public else None]
    assert [seen.old["key"], seen.new["key"], seen.new["public"]] == ["k", "k", is_public]


def test_a_kind_classifies_only_fields_that_it_has() -> None:
    with pytest.raises(ValueError, match="has no field 'note' to mark"):
        ChangeKind("user.renamed", ("name",), operator_only=frozenset({"note"}))
    with pytest.raises(ValueError, match="has no field 'note' to mark"):
        ChangeKind("user.renamed", ("name",), always=frozenset({"note"}))
    with pytest.raises(ValueError, match="must always store the field 'name'"):
        ChangeKind("user.renamed", ("name",), shown_if="name")


@pytest.mark.rule("X3")
@pytest.mark.parametrize("raised", [SystemExit, GeneratorExit, KeyboardInterrupt, BaseException])
def test_a_relay_continues_after_any_exception_of_a_subscriber(
    core: UserCore, clock: FakeClock, raised: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    failing, heard, told = Signal(), Signal(), list[int]()

    def handle(event: Event) -> None:
        told.append(event.entry.subject_id)
        if len(told) == 1:
            failing.set()
            raise raised
        heard.set()

    core = over(core, subscribers=[Subscriber(name="crm", kinds={"user.registered"}, handle=handle)])
    first = register(core)
    with core.relay():
        assert failing.wait(PATIENCE)
        second = register(core, "bob")
        assert heard.wait(PATIENCE)
        assert relays() == ["usercore-relay"]
    (pending,) = core.outbox.pending().rows
    assert (pending.subject_id, pending.problem) == (first.id, raised.__name__)
    assert "the subscriber crm failed on user.registered" in caplog.text
    clock.advance(timedelta(seconds=1))
    assert (core.outbox.deliver(), told) == (1, [first.id, second.id, first.id])
