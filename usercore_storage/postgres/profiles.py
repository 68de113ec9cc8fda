"""What servers that speak PostgreSQL's protocol do differently, chosen by their own version texts.

The page "Use another server" says what of each profile was run against such a server, and what was only read.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import attrs

from usercore.kernel.errors import Unsupported
from usercore.kernel.values import frozen
from usercore_storage.sql.executor import Executor

READ_COMMITTED: Final = "READ COMMITTED"
REPEATABLE_READ: Final = "REPEATABLE READ"
SERIALIZABLE: Final = "SERIALIZABLE"

COLLATION: Final = ' COLLATE "C"'
"""Text is ordered by code points, as in every storage; a language's order changes with the system's library."""


class MigrationLock(StrEnum):
    """What lets one process after the other migrate a store."""

    ADVISORY = "advisory"
    """The server's advisory lock, which does not need a table."""

    ROW = "row"
    """The row with the version, which is there before the first step."""


@frozen(kw_only=True)
class ServerProfile:
    """How to work with one kind of server."""

    name: str
    oldest: int = 150000
    """The oldest version that it may report, in the form of ``server_version``."""

    isolations: Sequence[str] = (READ_COMMITTED, SERIALIZABLE)
    """The isolation levels that units which write may have; the first is the default."""

    isolation_reason: str = "it has another level only"
    """Why there are no other levels."""

    collation: str = COLLATION
    """What follows the type of a column of text; empty where the database orders text by code points already."""

    lock: MigrationLock = MigrationLock.ADVISORY
    is_ddl_alone: bool = False
    """Whether each DDL statement needs, or gets, a transaction of its own. A step is then not atomic: each statement is
    written so that it does nothing if it was run before, and the version changes after the last one."""

    has_fill_factors: bool = True
    indexes: str = "INDEX"
    """What creates an index: ``INDEX ASYNC`` where the server makes indexes later."""

    sets_by_command: bool = False
    """Whether settings of a transaction are made by SET LOCAL: the function ``set_config`` does not reach the nodes of
    a cluster."""

    has_insert_subqueries: bool = True
    """Whether a value of an INSERT may be a subquery."""

    commits_by_shard: bool = False
    """Whether a transaction may be committed on one node and not on another, unless it is told to prepare on all."""

    has_snapshots: bool = True
    """Whether the statements of a read see one state of the whole store."""

    def check_isolation(self, isolation: str | None) -> None:
        """Check the isolation level that a URL asks for.

        Raises:
            Unsupported: units cannot have it.
        """
        if isolation is not None and isolation not in self.isolations:
            raise Unsupported(
                f"isolation={isolation.lower().replace(' ', '_')} is not used on {self.name}: {self.isolation_reason};"
                " leave it out of the URL"
            )


POSTGRESQL: Final = ServerProfile(name="PostgreSQL")

CITUS: Final = ServerProfile(
    name="Citus",
    isolations=(READ_COMMITTED,),
    isolation_reason="a commit may be refused on one node after it was kept on another",
    sets_by_command=True,
    has_insert_subqueries=False,
    commits_by_shard=True,
    has_snapshots=False,
)

COCKROACHDB: Final = ServerProfile(
    name="CockroachDB",
    oldest=130000,
    isolations=(SERIALIZABLE, READ_COMMITTED),
    collation="",
    lock=MigrationLock.ROW,
    has_fill_factors=False,
)

YUGABYTEDB: Final = ServerProfile(
    name="YugabyteDB",
    oldest=110000,
    lock=MigrationLock.ROW,
    is_ddl_alone=True,
    has_fill_factors=False,
)

AURORA_DSQL: Final = ServerProfile(
    name="Aurora DSQL",
    isolations=(REPEATABLE_READ,),
    collation="",
    lock=MigrationLock.ROW,
    is_ddl_alone=True,
    has_fill_factors=False,
    indexes="INDEX ASYNC",
)

PROFILES: Final = (POSTGRESQL, CITUS, COCKROACHDB, YUGABYTEDB, AURORA_DSQL)

_MARKS: Final = (
    (re.compile(r"CockroachDB"), COCKROACHDB),
    (re.compile(r"-YB-"), YUGABYTEDB),
    (re.compile(r"DSQL|^PostgreSQL \d+$"), AURORA_DSQL),
    (re.compile(r"^Citus "), CITUS),
)
"""What the version text of a server contains; all others are taken for PostgreSQL, whose own has a build after the
number. Source: CockroachDB, YugabyteDB: documentation of ``version()``; Citus: ``citus_version()``."""

VERSION: Final = "SELECT version()"
_DATABASE: Final = (
    "SELECT to_regproc('citus_version') IS NOT NULL, d.datcollate IN ('C', 'POSIX')"
    " AND coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c'"
    " FROM pg_database AS d WHERE d.datname = current_database()"
)
"""Whether Citus is installed, and whether text is ordered by code points: a database of ICU has its own order."""

_CITUS_VERSION: Final = "SELECT citus_version()"


def profile_by(version: str) -> ServerProfile:
    """Return the profile of the server that has this version text."""
    return next((profile for mark, profile in _MARKS if mark.search(version)), POSTGRESQL)


def profile_of(run: Executor) -> ServerProfile:
    """Return the profile of a connection's server, for its database.

    Raises:
        StorageError: the server could not be asked.
    """
    ((version,),) = run(VERSION)
    profile = profile_by(version)
    if not profile.collation:
        return profile
    ((has_citus, is_by_code_points),) = run(_DATABASE)
    if has_citus and profile is POSTGRESQL:
        ((version,),) = run(_CITUS_VERSION)
        profile = profile_by(version)
    return attrs.evolve(profile, collation="") if is_by_code_points else profile


_ONCE: Final = re.compile(r"\(SELECT once\.digest FROM \w+ AS once WHERE once\.digest = \?\)")
_CREATE: Final = re.compile(r"^\s*CREATE (UNIQUE )?(TABLE|INDEX) ")
_ADD_COLUMN: Final = re.compile(r" ADD COLUMN ")
_FILL_FACTOR: Final = re.compile(r" WITH \(fillfactor = \d+\)")


def adapted(statement: str, profile: ServerProfile) -> str:
    """Return a statement as the server takes it.

    Without subqueries in INSERTs, the digest of a user agent is stored without a look whether its text still is.
    """
    if profile.has_insert_subqueries or not statement.startswith("INSERT "):
        return statement
    return _ONCE.sub("?", statement)


def ddl_of(step: str, profile: ServerProfile) -> list[str]:
    """Return the statements of a migration step as the server takes them."""
    return [_ddl(statement.strip(), profile) for statement in step.split(";\n") if statement.strip()]


def _ddl(statement: str, profile: ServerProfile) -> str:
    text = statement.removesuffix(";").replace(COLLATION, profile.collation)
    if not profile.has_fill_factors:
        text = _FILL_FACTOR.sub("", text)
    once = "IF NOT EXISTS " if profile.is_ddl_alone else ""
    kinds = {"TABLE": "TABLE", "INDEX": profile.indexes}
    text = _CREATE.sub(lambda found: f"CREATE {found[1] or ''}{kinds[found[2]]} {once}", text)
    return _ADD_COLUMN.sub(f" ADD COLUMN {once}", text)
