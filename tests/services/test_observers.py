"""Who may subscribe to what, observers that are told after the commit, and relays that deliver in the background."""

import logging
from threading import Event as Signal
from threading import enumerate as threads

import pytest

from tests.services.helpers import over, refused, register
from usercore import Event, Full, Invalid, Subscriber, UserCore
from usercore.testing import FaultyStorage, WatchedStorage
from usercore.testing.fakes import check_closed

PATIENCE = 30.0
"""Seconds after which a relay that does nothing has failed."""


def ignore(_: Event) -> None:
    """Hear of it and do nothing."""


@pytest.mark.rule("X3")
@pytest.mark.parametrize("kind", ["user.unknown", "", "login_token.issued", "access_token.issued"])
def test_nobody_subscribes_to_what_there_is_not_or_is_private(core: UserCore, kind: str) -> None:
    with pytest.raises(ValueError, match="nobody can subscribe"):
        over(core, subscribers=[Subscriber(name="crm", kinds={"user.updated", kind}, handle=ignore)])


@pytest.mark.rule("X3")
@pytest.mark.parametrize("names", [("",), ("mailer",), ("crm", "crm"), ("a\nb",)], ids=str)
def test_a_subscriber_needs_a_name_of_its_own(core: UserCore, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        over(core, subscribers=[Subscriber(name=name, kinds={"user.updated"}, handle=ignore) for name in names])


@pytest.mark.rule("X3")
def test_an_observer_is_told_after_the_commit(core: UserCore, storage: WatchedStorage) -> None:
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
def test_an_observer_is_not_told_of_what_was_not_kept(core: UserCore, storage: WatchedStorage) -> None:
    told: list[Event] = []
    user = register(core)
    faulty = FaultyStorage(storage)
    core = UserCore.over(faulty, core._engine.host)
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
def test_an_observer_that_raises_is_logged_and_stops_nobody(core: UserCore, caplog: pytest.LogCaptureFixture) -> None:
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
def test_a_relay_outlives_a_storage_that_fails_for_a_while(core: UserCore, storage: WatchedStorage) -> None:
    heard = Signal()
    faulty = FaultyStorage(storage)
    core = UserCore.over(faulty, core._engine.host)
    subscriber = Subscriber(name="crm", kinds={"user.registered"}, handle=lambda _: heard.set())
    core = over(core, subscribers=[subscriber])
    register(core)
    with faulty.failing(1, Full()), core.relay() as relay:
        relay.wake()
        assert heard.wait(PATIENCE)


@pytest.mark.rule("X3")
def test_nothing_runs_in_the_background_unasked(core: UserCore) -> None:
    core = over(core, subscribers=[Subscriber(name="crm", kinds={"user.registered"}, handle=ignore)])
    core.relay()
    register(core)
    assert relays() == []
    assert len(core.outbox.pending().rows) == 1
