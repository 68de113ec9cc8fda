"""What a writing unit sends together."""

import gc
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.architecture.statements import statements
from tests.postgres.helpers import core_over, emails_in, opened
from tests.postgres.proxy import proxied
from usercore import StorageError, Taken, UserCore
from usercore.kernel.context import MAIN
from usercore.testing.contracts.base import units_of
from usercore.users.keys import KeySpace, KeyUse
from usercore.users.model import Claim
from usercore_storage.postgres.batches import LONGEST, returns_rows
from usercore_storage.postgres.connections import Connection, Raw
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.storage import connected


def test_a_unit_without_statements_sends_nothing(server: Server, database: str) -> None:
    url = server.url(database)
    with proxied(server.port) as proxy, opened(url.replace(f":{server.port}/", f":{proxy.port}/")) as store:
        people = units_of(store)
        people.write(lambda unit: unit.claims.find(KeySpace.LOGIN, "ann@example.com"))
        proxy.watch()
        assert people.write(lambda _: 7) == 7
        assert proxy.round_trips == 0


def test_statements_that_return_rows_are_recognised() -> None:
    for name, statement in statements().items():
        is_query = statement.startswith("SELECT") or "RETURNING" in statement
        assert returns_rows(statement) is is_query, name
    assert not returns_rows("SAVEPOINT usercore_part")


def test_a_unit_of_more_statements_than_a_batch_holds_is_stored_completely(server: Server, database: str) -> None:
    claims = [
        Claim(tenant_id=MAIN, space=KeySpace.LOGIN, key=f"{number}@example.com", holder_id=7, uses=KeyUse.EMAIL)
        for number in range(LONGEST * 2 + 3)
    ]
    with opened(server.url(database)) as store:
        people = units_of(store)
        people.write(lambda unit: unit.claims.add_many(claims))
        assert server.ask("SELECT count(*) FROM usercore_claims", database=database) == [(len(claims),)]
        people.write(lambda unit: unit.claims.remove(claims))
    assert server.ask("SELECT count(*) FROM usercore_claims", database=database) == [(0,)]


@pytest.mark.rule("Y3")
@pytest.mark.parametrize("answer", [1, 1_000_000])
def test_a_batch_that_no_buffer_holds_is_sent_while_its_answers_are_read(
    server: Server, database: str, answer: int
) -> None:
    sent = "x" * 1_000_000
    batch = [(f"SELECT left(?::text, {answer}) || {number}", (sent,)) for number in range(20)]
    with connected(location_of(f"{server.url(database)}?timeout=5")) as connection:
        assert connection.together(batch) == [(f"{sent[:answer]}19",)]
        assert connection("SELECT 1") == [(1,)]


def test_an_error_in_a_batch_leaves_the_connection_usable(server: Server, database: str) -> None:
    with connected(location_of(server.url(database))) as connection:
        for _ in range(2):
            with pytest.raises(StorageError):
                connection.together([("SELECT 1", ()), ("SELECT 1 / ?::bigint", (0,)), ("SELECT 2", ())])
            assert connection.together([("SELECT ?::bigint", (3,)), ("SELECT ?::bigint", (4,))]) == [(4,)]


def test_a_batch_whose_wait_fails_closes_the_connection_and_says_nothing_else(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait: Any = psycopg.Connection.wait

    def fail_in_a_batch(raw: Raw, steps: Any, *given: object) -> object:
        if raw.batch is None:
            return wait(raw, steps, *given)
        next(steps)
        raise psycopg.OperationalError("connection socket closed")

    with connected(location_of(server.url(database))) as connection:
        monkeypatch.setattr(psycopg.Connection, "wait", fail_in_a_batch)
        with pytest.raises(StorageError):
            connection.together([("SELECT 1", ()), ("SELECT 2", ())])
        gc.collect()  # ends what the driver has begun; pytest fails for an error there
        assert connection.raw.closed


def test_an_interrupted_batch_closes_the_connection_and_says_nothing_else(server: Server, database: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    def send(connection: Connection) -> None:
        with connection.raw.sending_together():
            connection._execute([("SELECT 1", ()), ("SELECT 2", ())])
            assert connection.raw.batch is not None
            connection.raw.batch._commands.append(interrupt)

    with connected(location_of(server.url(database))) as connection:
        with pytest.raises(KeyboardInterrupt):
            send(connection)
        gc.collect()
        assert connection.raw.closed


def test_values_that_cannot_be_sent_leave_the_connection_usable(server: Server, database: str) -> None:
    with connected(location_of(server.url(database))) as connection:
        with pytest.raises(StorageError):
            connection.together([("SELECT ?::bigint", (3,)), ("SELECT ?::text", ("\0",))])
        assert connection.together([("SELECT ?::bigint", (3,)), ("SELECT ?::bigint", (4,))]) == [(4,)]


def test_a_part_that_is_undone_leaves_the_connection_usable(server: Server, database: str) -> None:
    def work(core: UserCore, number: int) -> None:
        core.registration.register_external(f"{number}.first@example.com", external_id=str(number))
        with suppress(Taken):
            core.registration.register_external(f"{number}.other@example.com", external_id=str(number))
            raise AssertionError
        core.registration.register_external(f"{number}.second@example.com")

    with opened(f"{server.url(database)}?pool_max=1") as store:
        core = core_over(store)
        for number in range(3):
            core.atomic(partial(work, number=number))
    expected = [f"{number}.{name}@example.com" for number in range(3) for name in ("first", "second")]
    assert emails_in(server, database) == expected
