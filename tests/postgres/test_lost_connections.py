"""A connection lost before the commit costs a second run; one lost during it leaves the outcome unknown."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from scripts.postgres_server import Server
from tests.postgres.helpers import core_over, emails_in, halves_in, opened
from tests.postgres.proxy import proxied
from usercore import Email, Indeterminate, Unavailable
from usercore.storage import Storage, Unit
from usercore.testing import FaultyStorage, WatchedStorage
from usercore_storage.postgres.connections import Connection

T = TypeVar("T")


class Interrupted(FaultyStorage):
    """Ends all sessions with the database right before the call with this number."""

    def __init__(self, storage: Storage, end_sessions: Callable[[], object]) -> None:
        super().__init__(storage)
        self.fatal = 0
        self._end_sessions = end_sessions

    def call(self, method: Callable[..., T], *args: object, **kwargs: object) -> T:
        if self.calls + 1 == self.fatal:
            self._end_sessions()
        return super().call(method, *args, **kwargs)


def test_a_unit_that_lost_its_connection_at_any_call_runs_again_and_is_stored_once(
    server: Server, database: str
) -> None:
    with opened(server.url(database)) as inner:
        storage = Interrupted(inner, lambda: server.end_sessions(database))
        core = core_over(storage)
        calls = storage.calls_of(lambda: core.registration.register_external("0@example.com"))
        for number in range(1, calls + 1):
            storage.fatal = storage.calls + number
            assert core.registration.register_external(f"{number}@example.com").created
    assert emails_in(server, database) == sorted(f"{number}@example.com" for number in range(calls + 1))
    assert halves_in(server, database) == []


def test_a_session_that_ends_before_the_commit_is_sent_costs_a_second_run(server: Server, database: str) -> None:
    runs: list[int] = []

    def end_first_session(_: Unit) -> None:
        runs.append(server.end_sessions(database) if not runs else 0)

    with opened(server.url(database)) as inner:
        storage = WatchedStorage(inner)
        core = core_over(storage)
        storage.before_commit.append(end_first_session)
        assert core.registration.register_external("ann@example.com").created
    assert runs == [1, 0]
    assert emails_in(server, database) == ["ann@example.com"]
    assert halves_in(server, database) == []


@pytest.mark.parametrize("reaches", [True, False])
def test_a_connection_that_breaks_during_the_commit_is_indeterminate(
    server: Server, database: str, *, reaches: bool
) -> None:
    url = server.url(database)
    with proxied(server.port) as proxy, opened(url.replace(f":{server.port}/", f":{proxy.port}/")) as store:
        core = core_over(store)
        proxy.cut_at(b"COMMIT\0", reaches=reaches)  # BEGIN may contain READ COMMITTED
        with pytest.raises(Indeterminate):
            core.registration.register_external("ann@example.com")
        assert emails_in(server, database) == ["ann@example.com"] * reaches
        assert halves_in(server, database) == []
        assert core.registration.register_external("ann@example.com").created is not reaches


def test_a_read_that_lost_its_connection_runs_again(server: Server, database: str) -> None:
    with opened(server.url(database)) as inner:
        storage = Interrupted(inner, lambda: server.end_sessions(database))
        core = core_over(storage)
        user = core.registration.register_external("ann@example.com").user
        calls = storage.calls_of(lambda: core.users.get(Email("ann@example.com")))
        for number in range(1, calls + 1):
            storage.fatal = storage.calls + number
            assert core.users.get(Email("ann@example.com")) == user


@pytest.mark.rule("ERR")
def test_a_unit_that_loses_every_connection_raises_a_public_error_with_the_reason(
    server: Server, database: str
) -> None:
    def lose(connection: Connection, _: bool) -> None:  # noqa: FBT001 - as it is called
        server.end_sessions(database)
        connection("SELECT 1")

    with opened(server.url(database)) as store:
        with pytest.raises(Unavailable, match="connection") as refusal:
            store.run(lose)
        assert type(refusal.value) is Unavailable


def test_the_first_host_that_answers_is_used(server: Server, database: str) -> None:
    url = server.url(database).replace("127.0.0.1:", "127.0.0.1:1,127.0.0.1:")  # no server listens on port 1
    with opened(url) as store:
        assert core_over(store).registration.register_external("ann@example.com").created


def test_an_absent_server_is_reported_in_time_and_used_again_later(own_server: Server, own_database: str) -> None:
    with opened(f"{own_server.url(own_database)}?timeout=1") as store:
        core = core_over(store)
        user = core.registration.register_external("ann@example.com").user
        own_server.stop("fast")
        for use in (lambda: core.users.get(user.id), lambda: core.registration.register_external("bob@example.com")):
            with pytest.raises(Unavailable):
                use()
        with pytest.raises(Unavailable), opened(own_server.url(own_database)):
            pass
        own_server.start()
        assert core.users.get(user.id) == user
        assert core.registration.register_external("bob@example.com").created
