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
    port: int | None = None
    """Of a proxy through which the copies are opened, or None for the server's."""

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
        self.copy(users, name)
        return self.opened_by_hand(users, name, reads=reads)

    def opened_by_hand(self, users: int, name: str, *, reads: bool = False) -> Store:
        """Open the present copy."""
        return PostgresStore(self.url_of(users, name), reads=reads)

    def copy(self, users: int, name: str) -> str:
        """Return the URL of a copy for one side of one workload; it replaces the earlier one."""
        self._replace(_name_of(users, name), self._master(users))
        return self.url_of(users, name)

    def url_of(self, users: int, name: str) -> str:
        """Return the URL of the present copy."""
        return self._url(_name_of(users, name))

    def empty(self, name: str) -> str:
        """Return the URL of a database without tables; it replaces the earlier one of this name."""
        self._replace(name, "template1")
        return self._url(name)

    def _replace(self, database: str, template: str) -> None:
        self.server.ask(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.server.ask(f"CREATE DATABASE {database} TEMPLATE {template}")

    def _url(self, database: str) -> str:
        url = self.server.url(database)
        return url if self.port is None else url.replace(f":{self.server.port}/", f":{self.port}/")

    def _master(self, users: int) -> str:
        if users not in self.masters:
            name = self.server.make_database()
            fill(self.server.url(name), users)
            self.server.ask("VACUUM ANALYZE", database=name)
            self.masters[users] = name
        return self.masters[users]


def _name_of(users: int, name: str) -> str:
    return f"store_of_{users}_{name}"


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
