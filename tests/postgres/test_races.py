"""Interactions of units on a server that runs them concurrently."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import attrs
import pytest

from scripts.postgres_server import Server
from tests.email_change.undo_races import RIVALS, MeetingAtLocks, both_at_the_lock
from tests.fixtures import LINKS, RELYING_PARTY
from tests.postgres.helpers import GENEROUS, core_over, opened
from tests.privacy import erasing_races
from tests.services.factor_races import RACES
from tests.services.factors import POLICY
from usercore import Busy, Host, MailPolicy, PasskeyPolicy, StorageError, UserCore
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RunAgain
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing import FakeClock, FakeHasher, MemoryMailer, WatchedStorage
from usercore.testing.contracts.base import add_users, units_of
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.contracts.units import names, rename
from usercore.testing.samples import ANN, BOB, a_user
from usercore.users.model import UserState


@pytest.mark.parametrize(("isolation", "active"), [("serializable", 1), ("read_committed", 0)])
def test_write_skew_happens_only_at_read_committed(server: Server, database: str, isolation: str, active: int) -> None:
    """The one case that locks do not cover, because it takes none; so it reveals the isolation level."""

    def leave_if_another_stays(unit: Unit, number: int, meet: Meet) -> None:
        everybody = [unit.users.get(ANN), unit.users.get(BOB)]
        meet()
        if sum(user is not None and user.state is UserState.ACTIVE for user in everybody) == len(everybody):
            user = everybody[number]
            assert user is not None
            unit.users.replace(evolve(user, state=UserState.DEACTIVATED))

    with opened(f"{server.url(database)}?isolation={isolation}") as store:
        people = units_of(store)
        bare = a_user(state=UserState.ACTIVE, email=None, username=None, external_id=None, supplied_uuid=None)
        people.write(lambda unit: [unit.users.add(evolve(bare, id=number)) for number in (ANN, BOB)])
        overlap(people, leave_if_another_stays)
        users = people.read(lambda unit: unit.users.get_many([ANN, BOB]))
    assert [user.state for user in users].count(UserState.ACTIVE) == active


@pytest.mark.parametrize("isolation", ["serializable", "read_committed"])
def test_two_deadlocked_units_are_both_stored(server: Server, database: str, isolation: str) -> None:
    def rename_both(unit: Unit, number: int, meet: Meet) -> None:
        first, second = (ANN, BOB) if number else (BOB, ANN)
        rename(unit, f"of {number}", first)
        meet()
        rename(unit, f"of {number}", second)

    with opened(f"{server.url(database)}?isolation={isolation}") as store:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        overlap(people, rename_both)
        assert people.read(names) in (["of 0", "of 0"], ["of 1", "of 1"])
        assert people.read(lambda unit: [user.change_no for user in unit.users.get_many([ANN, BOB])]) == [3, 3]


@pytest.mark.rule("F1", "F2", "F3", "F4")
@pytest.mark.parametrize("isolation", ["serializable", "read_committed"])
@pytest.mark.parametrize("check", RACES, ids=lambda check: check.__name__)
def test_of_many_codes_at_once_one_is_accepted(
    server: Server, database: str, isolation: str, check: Callable[[UserCore], None]
) -> None:
    with opened(f"{server.url(database)}?isolation={isolation}") as store:
        policy = attrs.evolve(GENEROUS, second_factors=POLICY)
        check(UserCore.over(store, Host(hasher=FakeHasher(), policy=policy, clock=FakeClock())))


@pytest.mark.rule("E3", "K9")
@pytest.mark.parametrize("undo_first", [True, False], ids=["the undo first", "the thief first"])
def test_an_undo_throws_the_thief_out_whichever_unit_locks_the_user_first(
    server: Server, database: str, *, undo_first: bool
) -> None:
    with opened(server.url(database)) as store:
        storage = MeetingAtLocks(store)
        policy = attrs.evolve(
            GENEROUS,
            second_factors=POLICY,
            mail=MailPolicy(links=LINKS),
            passkeys=PasskeyPolicy(relying_party=RELYING_PARTY),
        )
        host = Host(hasher=FakeHasher(), policy=policy, clock=FakeClock(), mailer=MemoryMailer())
        core = UserCore.over(storage, host)
        for number, rival in enumerate(RIVALS.values()):
            core.tenant("system").tenants.create(f"t{number}", f"t{number}")
            both_at_the_lock(core.tenant(f"t{number}"), storage, rival, undo_first=undo_first)


@pytest.mark.thorough
@pytest.mark.rule("X6")
@pytest.mark.parametrize("erase_first", [True, False], ids=["the erasure first", "the other first"])
def test_an_erasure_leaves_nothing_whichever_unit_locks_first(
    server: Server, database: str, *, erase_first: bool
) -> None:
    def marked() -> list[str]:
        tables = server.ask("SELECT tablename FROM pg_tables WHERE tablename ~ '^usercore_'", database=database)
        found = "SELECT 1 FROM {} AS t WHERE position('{}' IN t::text) > 0"
        return [name for (name,) in tables if server.ask(found.format(name, erasing_races.MARK), database=database)]

    with opened(server.url(database)) as store:
        storage = MeetingAtLocks(store)
        policy = attrs.evolve(GENEROUS, mail=MailPolicy(links=LINKS))
        host = Host(hasher=FakeHasher(), policy=policy, clock=FakeClock(), mailer=MemoryMailer())
        core = UserCore.over(storage, host)
        for name in erasing_races.RIVALS:
            erasing_races.both_at_the_lock(core, storage, name, marked, erase_first=erase_first)


def hold(people: Units[Unit], held: threading.Event, enough: threading.Event) -> None:
    """Hold Ann's lock in a unit until ``enough`` is set."""

    def hold_on(unit: Unit) -> None:
        unit.users.lock(ANN)
        held.set()
        assert enough.wait(60)

    people.write(hold_on)


@pytest.mark.parametrize(
    ("options", "use"),
    [
        ("pool_max=1", lambda people: people.read(names)),
        ("pool_max=1", lambda people: people.write(lambda unit: unit.users.lock(BOB))),
        ("pool_max=2", lambda people: people.write(lambda unit: unit.users.lock(ANN))),
    ],
    ids=["no connection to read", "no connection to write", "a lock"],
)
def test_a_unit_that_waits_too_long_for_a_lock_is_busy(
    server: Server, database: str, options: str, use: Callable[[Units[Unit]], object]
) -> None:
    held, enough = threading.Event(), threading.Event()
    with opened(f"{server.url(database)}?timeout=1&{options}") as store, ThreadPoolExecutor() as pool:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        holder = pool.submit(hold, people, held, enough)
        assert held.wait(60)
        with pytest.raises(Busy):
            use(people)
        enough.set()
        holder.result(60)
        people.write(lambda unit: rename(unit, "Zoë", ANN))
        assert people.read(names)[0] == "Zoë"


def test_a_unit_that_swallows_a_lost_race_is_not_stored_in_part(server: Server, database: str) -> None:
    def rename_and_clash(unit: Unit) -> None:
        rename(unit, "Zoë", ANN)
        with suppress(RunAgain):
            unit.users.add(a_user(id=BOB))
            unit.users.get(BOB)  # takes the INSERT along

    with opened(server.url(database)) as store:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        with pytest.raises(StorageError):
            people.write(rename_and_clash)
        assert people.read(names) == [a_user().first_name] * 2


def test_an_interrupt_while_waiting_for_the_server_stores_nothing_and_breaks_nothing(
    server: Server, database: str
) -> None:
    held, enough = threading.Event(), threading.Event()

    def interrupt_who_waits() -> None:
        while not server.ask(
            "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", database
        ):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    with opened(server.url(database)) as store, ThreadPoolExecutor() as pool:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        holder = pool.submit(hold, people, held, enough)
        assert held.wait(60)
        pool.submit(interrupt_who_waits)
        with pytest.raises(KeyboardInterrupt):
            people.write(lambda unit: rename(unit, "Zoë", BOB, ANN))
        enough.set()
        holder.result(60)
        assert people.read(names) == [a_user().first_name] * 2
        people.write(lambda unit: rename(unit, "Eve", BOB, ANN))
        assert people.read(names) == ["Eve", "Eve"]


def test_a_unit_that_must_not_wait_for_a_lock_is_busy(server: Server, database: str) -> None:
    def lock_and_rename_without_waiting(unit: Unit) -> None:
        unit.lock(ANN)
        with pytest.raises(Busy):
            others.write_at_once(lambda other: rename(other, "Zoë", ANN))
        others.write_at_once(lambda other: rename(other, "Zoë", BOB))

    with opened(server.url(database)) as store, opened(server.url(database)) as other_store:
        people, others = units_of(store), units_of(other_store)
        add_users(people, MAIN, ANN, BOB)
        people.write(lock_and_rename_without_waiting)
        assert people.read(names) == [a_user().first_name, "Zoë"]


def test_units_that_register_different_users_in_a_young_store_do_not_stop_each_other(
    server: Server, database: str
) -> None:
    runs: list[str] = []
    both = threading.Barrier(2)

    def meet(_: Unit) -> None:
        runs.append("before the commit")
        if len(runs) <= 2:
            both.wait(60)

    with opened(f"{server.url(database)}?isolation=serializable") as store, ThreadPoolExecutor(2) as pool:
        storage = WatchedStorage(store)
        core = core_over(storage)
        storage.before_commit.append(meet)
        emails = ["ann@example.com", "bob@example.com"]
        list(pool.map(lambda email: core.registration.register_external(email, external_id=email), emails))
    assert len(runs) == 2


def test_units_that_lock_different_users_of_a_young_store_do_not_stop_each_other(server: Server, database: str) -> None:
    runs: list[int] = []
    both = threading.Barrier(2)

    def lock(unit: Unit, user_id: UserId) -> None:
        runs.append(user_id)
        unit.users.lock(user_id)
        if len(runs) <= 2:
            both.wait(60)

    with opened(f"{server.url(database)}?isolation=serializable") as store, ThreadPoolExecutor(2) as pool:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        list(pool.map(lambda user_id: people.write(lambda unit: lock(unit, user_id)), (ANN, BOB)))
    assert sorted(runs) == [ANN, BOB]
