"""Every wait ends within the timeout of the URL: for a lock, a statement, a connection, a server that hangs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.postgres.helpers import core_over, opened
from tests.postgres.proxy import proxied
from usercore import Busy, Email, Indeterminate, Unavailable, UserCore
from usercore.storage import Unit
from usercore.testing.contracts.base import units_of
from usercore.testing.samples import ANN
from usercore_storage import check, postgres
from usercore_storage.sql.unit import SqlUnit

TIMEOUT: Final = "timeout=1"

SLACK: Final = 3.0
"""Seconds beyond the timeout, on a busy machine; without a limit the wait takes a minute and more."""


@contextmanager
def taking_no_longer() -> Iterator[None]:
    start = monotonic()
    yield
    assert 1 <= monotonic() - start < 1 + SLACK


@contextmanager
def locked(server: Server, database: str, table: str) -> Iterator[None]:
    """Lock a table as ALTER TABLE does."""
    with psycopg.connect(server.url(database)) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        connection.rollback()


CALLS: Final[dict[str, Callable[[UserCore, int], object]]] = {
    "a read of one statement": lambda core, ann: core.users.get(ann),
    "a read by an identifier": lambda core, _: core.users.get(Email("ann@example.com")),
    "a read of several statements": lambda core, ann: core.history.detail(ann),
    "a write": lambda core, ann: core.users.update(ann, first_name="Zoë"),
    "a registration": lambda core, _: core.registration.register_external("bob@example.com"),
    "an import": lambda core, _: core.registration.import_users({"email": f"{n}@example.com"} for n in range(30)),
}


@pytest.mark.rule("Y3")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_waits_for_a_locked_table_ends_with_busy(server: Server, database: str, call: str) -> None:
    with opened(f"{server.url(database)}?{TIMEOUT}&pool_max=1") as store:
        core = core_over(store)
        ann = core.registration.register_external("ann@example.com").user.id
        with locked(server, database, "usercore_users"), taking_no_longer(), pytest.raises(Busy) as refusal:
            CALLS[call](core, ann)
        assert refusal.value.reason
        CALLS[call](core, ann)


@pytest.mark.rule("Y3")
def test_identify_does_not_wait_for_a_locked_table_either(server: Server, database: str) -> None:
    with opened(f"{server.url(database)}?{TIMEOUT}") as store:
        core = core_over(store)
        ann = core.registration.register_external("ann@example.com").user
        token = core.sign_in.with_login_token(core.login_tokens.issue(ann.id)).access_token
        assert token is not None
        with locked(server, database, "usercore_access_tokens"), taking_no_longer(), pytest.raises(Busy):
            core.sign_in.identify(token)
        assert core.sign_in.identify(token).user.email == "ann@example.com"


@pytest.mark.rule("Y3")
def test_an_overdue_statement_is_cancelled_on_the_server(server: Server, database: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with opened(f"{server.url(database)}?{TIMEOUT}") as store, locked(server, database, "usercore_users"):
        with pytest.raises(Busy):
            units_of(store).read(lambda unit: unit.users.get(ANN))
        assert server.ask(waiting, database) == [(0,)]


@pytest.mark.rule("Y3")
@pytest.mark.parametrize("use", [postgres.open_storage, check], ids=["open", "check"])
def test_opening_and_checking_do_not_wait_longer_for_a_locked_table(
    server: Server, database: str, use: Callable[[str], object]
) -> None:
    with locked(server, database, "usercore_schema"), taking_no_longer(), pytest.raises(Busy):
        use(f"{server.url(database)}?{TIMEOUT}")


@pytest.mark.rule("Y3")
def test_a_check_does_not_wait_longer_for_a_locked_table_of_rows(server: Server, database: str) -> None:
    with locked(server, database, "usercore_claims"), taking_no_longer(), pytest.raises(Busy):
        check(f"{server.url(database)}?{TIMEOUT}")


@pytest.mark.rule("Y3")
@pytest.mark.parametrize("method", ["read", "write"])
def test_a_statement_that_runs_too_long_is_cancelled(server: Server, database: str, method: str) -> None:
    def sleep(unit: Unit) -> None:
        assert isinstance(unit, SqlUnit)
        unit.credentials._run("SELECT pg_sleep(30)")

    with opened(f"{server.url(database)}?{TIMEOUT}") as store, taking_no_longer(), pytest.raises(Busy):
        getattr(units_of(store), method)(sleep)


@pytest.mark.rule("Y3")
@pytest.mark.parametrize(
    ("word", "call", "error"),
    [
        (b"usercore_users", lambda core, ann: core.users.get(ann), Unavailable),
        (b"usercore_users", lambda core, ann: core.users.update(ann, first_name="Zoë"), Unavailable),
        (b"COMMIT\0", lambda core, ann: core.users.update(ann, first_name="Zoë"), Indeterminate),
    ],
    ids=["a read", "a write", "a commit"],
)
def test_a_server_that_stops_answering_is_unavailable(
    server: Server, database: str, word: bytes, call: Callable[[UserCore, int], object], error: type[Exception]
) -> None:
    url = f"{server.url(database)}?{TIMEOUT}&prepare=0"
    with proxied(server.port) as proxy, opened(url.replace(f":{server.port}/", f":{proxy.port}/")) as store:
        core = core_over(store)
        ann = core.registration.register_external("ann@example.com").user.id
        proxy.fall_silent_at(word)
        with taking_no_longer(), pytest.raises(error) as refusal:
            call(core, ann)
        assert type(refusal.value) is error
