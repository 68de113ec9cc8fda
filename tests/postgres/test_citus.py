"""Citus, pretended: units are committed in two phases where they must be, and a failed commit is in doubt."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

import psycopg
import pytest

from scripts.postgres_server import Server
from tests.postgres.helpers import core_over, opened
from tests.postgres.pretended import pretended
from usercore import Email, Indeterminate, SignInRefused, StorageError, Unsupported, User, UserCore
from usercore.storage import FEATURES, SNAPSHOT_READS, Storage, Unit
from usercore.testing import StorageContract
from usercore.testing.contracts.attempts import AttemptRepositoriesContract
from usercore.testing.contracts.base import units_of
from usercore_storage import postgres
from usercore_storage.postgres.profiles import CITUS, POSTGRESQL
from usercore_storage.postgres.two_phase import OF_USERS, PREPARE_ON_ALL, table_written
from usercore_storage.sql.tables import CLAIMS
from usercore_storage.sql.unit import SqlUnit

COUNT_DELETES: Final = """
CREATE TABLE deletes (at xid8 PRIMARY KEY DEFAULT pg_current_xact_id());
CREATE FUNCTION count_deletes() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO deletes DEFAULT VALUES ON CONFLICT DO NOTHING; RETURN NULL; END $$;
CREATE TRIGGER count_deletes BEFORE DELETE ON usercore_users FOR EACH STATEMENT EXECUTE FUNCTION count_deletes()
"""
"""It counts the DELETEs on users, also those that match no row, one at most in each transaction."""

REFUSE_AT_COMMIT: Final = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION USING ERRCODE = '%CODE%'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON usercore_users DEFERRABLE INITIALLY WHEN FOR EACH ROW
  EXECUTE FUNCTION refuse()
"""


@pytest.fixture(scope="module")
def shared_cluster(server: Server) -> Iterator[str]:
    with pretended(server, CITUS.name) as database:
        with opened(server.url(database)):
            pass
        server.ask(COUNT_DELETES, database=database)
        yield database


@pytest.fixture
def cluster(server: Server, shared_cluster: str) -> str:
    """Return the name of an empty store on a server that pretends to be Citus, which counts DELETEs on users."""
    server.empty(shared_cluster)
    server.ask("DELETE FROM deletes", database=shared_cluster)
    return shared_cluster


def two_phase_units(server: Server, database: str) -> int:
    ((counted,),) = server.ask("SELECT count(*) FROM deletes", database=database)
    return int(counted)


def test_serializable_is_refused_with_the_reason(server: Server, cluster: str) -> None:
    with pytest.raises(Unsupported, match="refused on one node after it was kept on another"):
        postgres.open_storage(f"{server.url(cluster)}?isolation=serializable")
    with opened(f"{server.url(cluster)}?isolation=read_committed") as storage:
        assert storage._location.profile.name == CITUS.name


def test_a_cluster_has_no_snapshots_and_says_so(server: Server, cluster: str, database: str) -> None:
    with opened(server.url(cluster)) as spread, opened(server.url(database)) as whole:
        assert (spread.features, whole.features) == (FEATURES - {SNAPSHOT_READS}, FEATURES)


def fail_to_sign_in(core: UserCore, user: User) -> None:
    with pytest.raises(SignInRefused):
        core.sign_in.with_password(str(user.email), "wrong")


CALLS: Final[dict[str, tuple[int, Callable[[UserCore, User], object]]]] = {
    "a registration": (1, lambda core, _: core.registration.register_external("bob@example.com")),
    "an import": (
        1,
        lambda core, _: core.registration.import_users([{"email": f"{number}@example.com"} for number in range(30)]),
    ),
    "a new external id": (1, lambda core, user: core.users.link_external_id(user.id, "7")),
    "a change of a name": (0, lambda core, user: core.users.update(user.id, first_name="Ann")),
    "a failed sign-in": (0, fail_to_sign_in),
    "a read": (0, lambda core, user: core.users.get(Email(str(user.email)))),
}


@pytest.mark.parametrize("name", CALLS)
def test_only_units_that_write_claims_and_rows_of_users_commit_in_two_phases(
    server: Server, cluster: str, name: str
) -> None:
    expected, call = CALLS[name]
    with opened(server.url(cluster)) as storage:
        core = core_over(storage)
        user = core.registration.register_external("ann@example.com").user
        before = two_phase_units(server, cluster)
        call(core, user)
        assert two_phase_units(server, cluster) - before == expected


def test_units_in_the_hosts_transaction_commit_in_two_phases(server: Server, cluster: str) -> None:
    with opened(server.url(cluster)) as storage, closing(psycopg.connect(server.url(cluster))) as connection:
        joined = core_over(storage).joined(connection)
        user = joined.registration.register_external("ann@example.com").user
        connection.commit()
        assert two_phase_units(server, cluster) == 1
        joined = core_over(storage).joined(connection)
        joined.users.update(user.id, first_name="Ann")
        connection.commit()
        assert two_phase_units(server, cluster) == 1


def test_postgresql_needs_no_two_phases(server: Server, database: str) -> None:
    server.ask(COUNT_DELETES, database=database)
    with opened(server.url(database)) as storage:
        assert storage._location.profile.name == POSTGRESQL.name
        core_over(storage).registration.register_external("ann@example.com")
    assert two_phase_units(server, database) == 0


def test_the_ids_of_the_statement_are_on_several_shards_however_many_there_are(server: Server) -> None:
    ids = [int(number) for number in PREPARE_ON_ALL.partition("(")[2].removesuffix(")").split(",")]
    hashes = [value for (value,) in server.ask("SELECT hashint8(unnest(%s::bigint[]))", ids)]
    for shards in range(2, 1025):
        assert len({(value + 2**31) * shards >> 32 for value in hashes}) > 1, shards


def test_the_tables_of_users_and_of_claims_are_told_apart() -> None:
    assert CLAIMS.name not in OF_USERS
    assert {"usercore_users", "usercore_history", "usercore_credentials", "usercore_attempts"} <= OF_USERS
    assert table_written("INSERT INTO usercore_claims (key) VALUES (?)") == "usercore_claims"
    assert table_written("SELECT key FROM usercore_claims") is None


@pytest.mark.parametrize("code", ["XX000", "40001", "23505", "53100"])
def test_a_commit_that_fails_is_in_doubt_whatever_the_code(server: Server, code: str) -> None:
    with pretended(server, CITUS.name) as database, opened(server.url(database)) as storage:
        refusal = REFUSE_AT_COMMIT.replace("%CODE%", code).replace("WHEN", "DEFERRED")
        server.ask(refusal, database=database)
        with pytest.raises(Indeterminate, match="one node"):
            core_over(storage).registration.register_external("ann@example.com")
        server.ask("DROP FUNCTION refuse CASCADE", database=database)
        assert core_over(storage).registration.register_external("ann@example.com").created


def test_a_statement_that_fails_before_the_commit_is_not_in_doubt(server: Server) -> None:
    with pretended(server, CITUS.name) as database, opened(server.url(database)) as storage:
        server.ask(REFUSE_AT_COMMIT.replace("%CODE%", "XX000").replace("WHEN", "IMMEDIATE"), database=database)
        with pytest.raises(StorageError) as failure:
            core_over(storage).registration.register_external("ann@example.com")
        assert type(failure.value) is StorageError


def test_settings_of_a_unit_are_commands_that_reach_the_nodes(server: Server, cluster: str) -> None:
    def settings(unit: Unit) -> list[tuple[str, str]]:
        assert isinstance(unit, SqlUnit)
        text = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        return unit.credentials._run(text)

    with opened(f"{server.url(cluster)}?timeout=7") as storage:
        assert units_of(storage).write(settings) == [("7s", "7s")]
        assert units_of(storage).write_at_once(settings) == [("1ms", "7s")]
        with storage._pool._pool.connection() as raw:
            begin = [text for text, _ in raw.ours.transaction._begin]
        assert len(begin) > 1
        assert all(text.startswith("SET LOCAL ") for text in begin[1:])


class TestPretendedCitus(AttemptRepositoriesContract):
    """Attempts are inserted without a look for their user agents."""

    @pytest.fixture
    def storage(self, server: Server, cluster: str) -> Iterator[Storage]:
        storage = postgres.open_storage(server.url(cluster))
        yield storage
        storage.close()


@pytest.mark.nightly
class TestPretendedCitusWhole(StorageContract, without={SNAPSHOT_READS}):
    """All that a cluster must do."""

    @pytest.fixture
    def storage(self, server: Server, cluster: str) -> Iterator[Storage]:
        storage = postgres.open_storage(server.url(cluster))
        yield storage
        storage.close()
