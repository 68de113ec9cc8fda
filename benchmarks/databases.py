"""Databases with many users on a private PostgreSQL server, filled as files are."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

import usercore
from benchmarks.baseline.postgres import PostgresStore
from benchmarks.baseline.store import Store
from benchmarks.people import NOW
from benchmarks.stores import StoreProvider, insert_people
from scripts.postgres_server import Server, find_programs, running

__all__ = ["Databases", "databases", "find_programs"]


@attrs.frozen
class Databases(StoreProvider):
    """Databases on a server, each size copied from a master."""

    server: Server
    masters: dict[int, str] = attrs.field(factory=dict)

    @property
    def version(self) -> str:
        """The server's version."""
        ((version,),) = self.server.ask("SHOW server_version")
        return str(version).split()[0]  # without what the packager adds

    def open_core(self, users: int, subscribers: Sequence[usercore.Subscriber] = ()) -> usercore.UserCore:
        """Open a copy; see ``StoreProvider``."""
        url = f"{self.copy(users, 'usercore')}?isolation=read_committed"  # as the raw side
        return usercore.open(url, clock=lambda: NOW, subscribers=subscribers)

    def by_hand(self, users: int, name: str = "raw", *, reads: bool = False) -> Store:
        """Open a copy; see ``StoreProvider``."""
        return PostgresStore(self.copy(users, name), reads=reads)

    def copy(self, users: int, name: str) -> str:
        """Return the URL of a copy for one side of one workload; it replaces the earlier one."""
        database = f"store_of_{users}_{name}"
        self.server.ask(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.server.ask(f"CREATE DATABASE {database} TEMPLATE {self._master(users)}")
        return self.server.url(database)

    def _master(self, users: int) -> str:
        if users not in self.masters:
            name = self.server.make_database()
            fill(self.server.url(name), users)
            self.server.ask("VACUUM ANALYZE", database=name)
            self.masters[users] = name
        return self.masters[users]


def fill(url: str, users: int) -> None:
    """Create a store with so many users, each with claims, a history entry and an access token."""
    usercore.open(url).close()
    with closing(PostgresStore(url)) as store:
        store.write(insert_people, store.many, users)


@contextmanager
def databases(programs: Path) -> Iterator[Databases]:
    """Run a server for the duration of a ``with``, on a disk, so that durable commits cost what they should."""
    with running(programs) as server:
        yield Databases(server)
