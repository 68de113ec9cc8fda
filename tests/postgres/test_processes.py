"""Several processes on one database: one wins a race, and a forked child shares nothing with its parent."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from scripts.postgres_server import Server
from tests.faults.fork_helpers import in_child
from tests.faults.processes import all_started, hear, tell
from tests.postgres.helpers import core_over, emails_in, halves_in, opened
from usercore import Email, Unavailable
from usercore.kernel.context import MAIN
from usercore.storage import Unit
from usercore.testing.contracts.base import add_users, units_of
from usercore.testing.contracts.units import names, rename
from usercore.testing.samples import ANN, BOB, a_user
from usercore_storage.postgres.batches import WriteTransaction
from usercore_storage.postgres.connections import Connection
from usercore_storage.sql.unit import SqlUnit

PROCESSES = 4
ROUNDS = 5


@pytest.mark.rule("U3")
def test_only_one_of_many_processes_registers_an_email(server: Server, database: str) -> None:
    emails = [f"{number}@example.com" for number in range(ROUNDS)]
    with (
        opened(server.url(database)) as store,
        core_over(store),
        all_started(PROCESSES, "register", server.url(database)) as children,
    ):
        for email in emails:
            for child in children:
                tell(child, email)
            assert Counter(hear(child) for child in children) == {"0": PROCESSES - 1, "1": 1}
    assert emails_in(server, database) == emails
    assert halves_in(server, database) == []


@pytest.mark.rule("K3")
def test_only_one_of_many_processes_redeems_a_token(server: Server, database: str) -> None:
    with opened(server.url(database)) as store:
        core = core_over(store)
        user = core.registration.register_external("ann@example.com").user
        secrets = core.login_tokens.issue_many(user.id, ROUNDS)
        with all_started(PROCESSES, "redeem", server.url(database)) as children:
            for secret in secrets:
                for child in children:
                    tell(child, secret.reveal())
                assert Counter(hear(child) for child in children) == {"0": PROCESSES - 1, "1": 1}


def test_a_fork_works_on_both_sides(server: Server, database: str) -> None:
    with opened(server.url(database)) as store:
        core = core_over(store)
        ann = core.registration.register_external("ann@example.com").user

        def live() -> str:
            assert core.users.get(Email("ann@example.com")) == ann
            return str(core.registration.register_external("child@example.com").user.id)

        said = in_child(live)
        assert core.users.get(Email("child@example.com")).id == int(said)
        assert core.registration.register_external("parent@example.com").created
    assert len(emails_in(server, database)) == 3


def test_a_fork_does_not_disturb_a_unit_of_another_thread(server: Server, database: str) -> None:
    inside, enough = threading.Event(), threading.Event()

    def rename_slowly(unit: Unit) -> None:
        rename(unit, "Zoë", ANN)
        inside.set()
        assert enough.wait(60)

    with opened(server.url(database)) as store, ThreadPoolExecutor() as pool:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        slow = pool.submit(people.write, rename_slowly)
        assert inside.wait(60)
        said = in_child(lambda: str(people.write(lambda unit: rename(unit, "Eve", BOB))))
        enough.set()
        slow.result(60)
        assert said == "None"
        assert people.read(names) == ["Zoë", "Eve"]


def test_a_child_cannot_continue_its_parents_unit(server: Server, database: str) -> None:
    said = []

    def fork_inside(unit: Unit) -> None:
        rename(unit, "Zoë", ANN)
        assert isinstance(unit, SqlUnit)
        transaction = unit.credentials._run
        assert isinstance(transaction, WriteTransaction)
        connection = transaction._connection
        assert isinstance(connection, Connection)

        def go_on() -> str:
            uses: list[Callable[[], object]] = [
                lambda: rename(unit, "Eve", BOB),
                lambda: connection.command("COMMIT"),
                transaction.commit,
            ]
            for use in uses:
                with pytest.raises(Unavailable):
                    use()
            return str(people.read(names))

        said.append(in_child(go_on))
        rename(unit, "Zoë", BOB)

    with opened(server.url(database)) as store:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        people.write(fork_inside)
        assert people.read(names) == ["Zoë", "Zoë"]
    assert said == [str([a_user().first_name] * 2)]
