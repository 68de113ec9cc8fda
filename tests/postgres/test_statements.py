"""How statements run: single reads without a transaction, one preparation each, many rows by COPY."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from scripts.postgres_server import Server
from tests.architecture.statements import statements
from tests.postgres.helpers import call_before_statements, core_over, opened
from usercore import Email, ExternalId, ReadOnly, UserCore
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference
from usercore.storage import Unit
from usercore.testing import NOON
from usercore.testing.contracts.base import add_users, units_of
from usercore.testing.contracts.units import names, rename
from usercore.testing.samples import ANN, BOB, a_user
from usercore.users.model import User
from usercore_storage.postgres import PostgresStorage
from usercore_storage.postgres.connections import STATEMENTS, Connection, numbered
from usercore_storage.postgres.copy_in import LEAST
from usercore_storage.sql.registration_counts import SPANS
from usercore_storage.sql.unit import SqlUnit


@contextmanager
def taken(store: PostgresStorage) -> Iterator[Connection]:
    """Acquire a connection of the pool for the duration of a ``with``."""
    connection = store._pool.acquire()
    try:
        yield connection
    finally:
        store._pool.release(connection)


@contextmanager
def sent_on(store: PostgresStorage) -> Iterator[list[bytes]]:
    """Collect the statements that are sent on the only connection of a store."""
    sent: list[bytes] = []

    with taken(store) as connection:
        call_before_statements(connection, sent.append)
    yield sent


def prepared_on(store: PostgresStorage) -> list[str]:
    """Return what the server has prepared for the connection."""
    with taken(store) as connection:
        found = [text for (text,) in connection("SELECT statement FROM pg_prepared_statements")]
    return [text for text in found if "pg_prepared_statements" not in text]


def transaction_of(unit: Unit) -> tuple[str, str]:
    """Return the isolation of a unit on the server, and whether it is read-only."""
    assert isinstance(unit, SqlUnit)
    ((isolation, read_only),) = unit.credentials._run(
        "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
    )
    return isolation, read_only


def test_a_read_of_one_statement_needs_no_transaction(server: Server, database: str) -> None:
    with opened(server.url(database)) as store:
        assert units_of(store).read(transaction_of) == ("read committed", "off")


def test_a_read_of_several_statements_runs_in_a_read_only_transaction(server: Server, database: str) -> None:
    def look_twice(unit: Unit) -> tuple[str, str]:
        unit.users.get(ANN)
        return transaction_of(unit)

    with opened(server.url(database)) as store:
        assert units_of(store).read(look_twice) == ("repeatable read", "on")


def test_a_read_that_only_writes_changes_nothing(server: Server, database: str) -> None:
    with opened(server.url(database)) as store:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        before = people.read(lambda unit: unit.users.get(ANN))
        with pytest.raises(ReadOnly):
            people.read(lambda unit: unit.users.lock(ANN))
        assert people.read(lambda unit: unit.users.get(ANN)) == before


def test_a_read_starts_over_after_a_commit_between_its_first_statements(server: Server, database: str) -> None:
    seen = []

    def query(unit: Unit) -> list[str | None]:
        seen.append(unit.users.get(ANN))
        if len(seen) == 1:
            others.write(lambda other: rename(other, "Zoë", ANN, BOB))
        return names(unit)

    with opened(server.url(database)) as store, opened(server.url(database)) as other_store:
        others = units_of(other_store)
        add_users(others, MAIN, ANN, BOB)
        assert units_of(store).read(query) == ["Zoë", "Zoë"]
    assert [user and user.first_name for user in seen] == [a_user().first_name, "Zoë"]


@pytest.mark.parametrize("isolation", ["serializable", "read committed"])
def test_a_unit_has_the_isolation_that_the_url_asks_for(server: Server, database: str, isolation: str) -> None:
    with opened(f"{server.url(database)}?isolation={isolation.replace(' ', '_')}") as store:
        assert units_of(store).write(transaction_of) == (isolation, "off")


def test_a_commit_waits_for_the_disk(server: Server, database: str) -> None:
    def ask(unit: Unit) -> object:
        assert isinstance(unit, SqlUnit)
        return unit.credentials._run("SELECT current_setting('synchronous_commit')")

    with opened(server.url(database)) as store:
        assert units_of(store).write(ask) == [("on",)]


def test_a_statement_is_prepared_once_for_each_mixture_of_ints_that_are_null(server: Server, database: str) -> None:
    with opened(f"{server.url(database)}?pool_max=1") as store:
        people = units_of(store)
        for number in range(1, 17):
            user = a_user(
                id=number**10,
                email="ann@example.com" if number & 1 else None,
                email_verified_at=NOON if number & 2 else None,
                data_offset_minutes=number if number & 4 else None,
                is_institution=bool(number & 8),
            )
            people.write(lambda unit, user=user: unit.users.add(user))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
        prepared = [text for text in prepared_on(store) if text.startswith("INSERT INTO usercore_users")]
    assert len(prepared) == 2**2


def test_the_statement_cache_has_room_for_all_statements() -> None:
    assert len(statements()) < STATEMENTS


def test_a_refused_unit_leaves_its_statements_prepared(server: Server, database: str) -> None:
    def rename_and_fail(unit: Unit) -> None:
        rename(unit, "Zoë", ANN)
        raise ZeroDivisionError

    with opened(f"{server.url(database)}?pool_max=1") as store:
        people = units_of(store)
        add_users(people, MAIN, ANN, BOB)
        before = prepared_on(store)
        with pytest.raises(ZeroDivisionError):
            people.write(rename_and_fail)
        assert {*before} <= {*prepared_on(store)}


def test_prepare_0_prepares_no_statement(server: Server, database: str) -> None:
    with opened(f"{server.url(database)}?pool_max=1&prepare=0") as store:
        assert core_over(store).registration.register_external("ann@example.com").created
        assert prepared_on(store) == []


def test_a_few_rows_go_in_by_one_statement(server: Server, database: str) -> None:
    with opened(f"{server.url(database)}?pool_max=1") as store:
        core_over(store).registration.register_external("ann@example.com", external_id="7")
        (claims,) = (text for text in prepared_on(store) if text.startswith("INSERT INTO usercore_claims"))
    assert claims.count("(") == 3, "the columns and two rows"


@pytest.mark.parametrize("count", [0, 1, 2, LEAST - 1, LEAST, 1000])
def test_many_rows_are_stored_completely_by_every_way_of_inserting(server: Server, database: str, count: int) -> None:
    users = [
        evolve(a_user(), id=number, email=None if number % 2 else f"ü{number}@example.com") for number in ids(count)
    ]
    with opened(server.url(database)) as store:
        people = units_of(store)
        people.write(lambda unit: unit.users.add_many(users))
        assert people.read(lambda unit: sorted(unit.users.get_many(ids(count)), key=lambda user: user.id)) == users


@pytest.mark.parametrize("count", [2, LEAST])
def test_one_conflicting_row_stores_none_and_runs_again(server: Server, database: str, count: int) -> None:
    runs = []

    def add(unit: Unit) -> None:
        runs.append(unit)
        first = 1 if len(runs) == 1 else 100
        unit.users.add_many([evolve(a_user(), id=first + number) for number in range(count)])

    with opened(server.url(database)) as store:
        people = units_of(store)
        people.write(lambda unit: unit.users.add(a_user(id=count)))
        people.write(add)
        kept = people.read(lambda unit: unit.users.get_many(ids(200)))
    assert sorted(user.id for user in kept) == [count, *range(100, 100 + count)]


def ids(count: int) -> list[UserId]:
    """Return the ids from 1 to ``count``."""
    return [UserId(number) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [("SELECT 1", b"SELECT 1"), ("UPDATE t SET a = ? WHERE b = ?", b"UPDATE t SET a = $1 WHERE b = $2")],
)
def test_question_marks_are_numbered(statement: str, expected: bytes) -> None:
    assert numbered(statement) == expected


LOOKS: dict[str, Callable[[UserCore, Any], object]] = {
    "get by id": lambda core, user: core.users.get(user.id),
    "get by email": lambda core, user: core.users.get(Email(user.email)),
    "get by external id": lambda core, user: core.users.get(ExternalId(user.external_id)),
    "get by uuid": lambda core, user: core.users.get(user.uuid),
    "find of nobody": lambda core, _: core.users.find(Email("nobody@example.com")),
    "find of no uuid": lambda core, _: core.users.find(UUID(int=0)),
}


@pytest.mark.parametrize("query", LOOKS)
def test_a_user_is_read_by_any_reference_in_one_round_trip(server: Server, database: str, query: str) -> None:
    with opened(f"{server.url(database)}?pool_max=1") as store:
        core = core_over(store)
        user = core.registration.register_external("ann@example.com", external_id="7").user
        with sent_on(store) as sent:
            LOOKS[query](core, user)
    assert [text.split()[0] for text in sent] == [b"SELECT"]


@pytest.mark.parametrize(
    "reference",
    [lambda user: user.id, lambda user: Email(user.email), lambda user: user.uuid],
    ids=["id", "email", "uuid"],
)
def test_existence_is_checked_by_one_statement_that_reads_only_the_id(
    server: Server, database: str, reference: Callable[[User], Reference]
) -> None:
    with opened(f"{server.url(database)}?pool_max=1") as store:
        core = core_over(store)
        user = core.registration.register_external("ann@example.com").user
        with sent_on(store) as sent:
            assert units_of(store).read(lambda unit: unit.get_or_raise(reference(user))) == user.id
    assert [text.partition(b" FROM ")[0] for text in sent] == [b"SELECT id"]


def test_the_figures_of_a_dashboard_take_one_unit_and_eight_periods_a_statement(server: Server, database: str) -> None:
    with opened(f"{server.url(database)}?pool_max=1") as store:
        core = core_over(store)
        with sent_on(store) as first:
            core.statistics.widgets()
        with sent_on(store) as later:
            core.statistics.widgets()
    read = [b"tenants", b"registration_counts", b"users", b"users"]
    begin = [b"BEGIN", b"SELECT"]  # and its settings
    assert [table_of(text) for text in later] == [b"tenants", *begin, *read]
    counted = [text for text in first if text.count(b"SELECT COUNT") == SPANS]
    assert len(counted) * SPANS <= 62 + 2 * SPANS, "each day of two months at most, once"


def table_of(statement: bytes) -> bytes:
    """Return the first table of a statement without its prefix, or the verb of one without a table."""
    _, _, rest = statement.partition(b" usercore_")
    return (rest or statement).split()[0]
