"""Copy stores from files to databases, back, and between databases."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

import usercore
from scripts.postgres_server import Server
from tests.postgres.helpers import opened
from tests.postgres.test_checking import PostgresEngine
from tests.sqlite.test_checking import SqliteEngine
from tests.storages.checking import fill
from tests.storages.copying import CopyingCases, Pair, dump
from usercore import Busy, NewerSchema, Unavailable
from usercore_storage import copy, sqlite
from usercore_storage.copies.side import Side
from usercore_storage.postgres import copying
from usercore_storage.postgres.copying import PostgresSide
from usercore_storage.sqlite.copying import SqliteSide


@pytest.fixture(scope="module")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with rows in every table."""
    path = tmp_path_factory.mktemp("full") / "store.db"
    with closing(sqlite.open_storage(f"sqlite:///{path}")) as storage:
        fill(storage)
    return path


@pytest.fixture(scope="module")
def full_database(server: Server, template: str) -> str:
    """Return the name of a database with rows in every table."""
    name = server.make_database(template)
    with opened(server.url(name)) as storage:
        fill(storage)
    return name


class Stores:
    """Makes stores of both kinds."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.numbers, self.end = itertools.count(), ExitStack()

    def file(self, full: Path | None = None) -> SqliteEngine:
        path = self.folder / f"{next(self.numbers)}.db"
        if full is not None:
            shutil.copyfile(full, path)
        return SqliteEngine(path)

    def database(self, template: str = "template1") -> PostgresEngine:
        name = self.server.make_database(template)
        self.end.callback(lambda: self.server.ask(f"DROP DATABASE {name} WITH (FORCE)"))
        return PostgresEngine(self.server, name)


@pytest.fixture
def stores(server: Server, tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(server, tmp_path)
    with stores.end:
        yield stores


class TestSqliteToPostgres(CopyingCases):
    @pytest.fixture
    def pair(self, stores: Stores, full_file: Path) -> Pair:
        return Pair(stores.file(full_file), stores.file, stores.database)

    @pytest.fixture
    def engines(self) -> set[type[Side]]:
        return {SqliteSide, PostgresSide}


@pytest.mark.thorough
class TestPostgresToSqlite(CopyingCases):
    @pytest.fixture
    def pair(self, stores: Stores, full_database: str) -> Pair:
        return Pair(stores.database(full_database), stores.database, stores.file)

    @pytest.fixture
    def engines(self) -> set[type[Side]]:
        return {SqliteSide, PostgresSide}


@pytest.mark.thorough
class TestPostgresToPostgres(CopyingCases):
    @pytest.fixture
    def pair(self, stores: Stores, full_database: str) -> Pair:
        return Pair(stores.database(full_database), stores.database, stores.database)

    @pytest.fixture
    def engines(self) -> set[type[Side]]:
        return {PostgresSide}


def test_a_writer_that_does_not_end_is_named_and_goes_on(stores: Stores, full_database: str) -> None:
    source, target = stores.database(full_database), stores.file()
    copy(source.url, target.url, finish=False)
    with psycopg.connect(source.url, application_name="the shop") as writer:
        writer.execute("UPDATE usercore_users SET note = 'open'")
        with pytest.raises(Busy, match=r"1 s .*the shop, idle in transaction"):
            copy(f"{source.url}?timeout=1", target.url)
        writer.execute("UPDATE usercore_users SET note = 'since'")
    with usercore.open(source.url) as core:
        core.users.update(usercore.Username("una"), note="later")
    assert copy(source.url, target.url).is_finished
    assert dump(target) == dump(source)


def test_roles_without_rights_on_the_log_go_on_writing(stores: Stores, full_database: str) -> None:
    source, target = stores.database(full_database), stores.file()
    source.run(
        "DROP ROLE IF EXISTS shop; CREATE ROLE shop; GRANT USAGE ON SCHEMA public TO shop;"
        " GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO shop"
    )
    copy(source.url, target.url, finish=False)
    source.run("SET ROLE shop; UPDATE usercore_users SET note = 'by the shop'")
    copy(source.url, target.url)
    assert dump(target) == dump(source)
    source.run("DROP OWNED BY shop; DROP ROLE shop")


@pytest.mark.rule("ERR")
def test_databases_of_another_schema_are_refused(
    stores: Stores, full_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, target = stores.database(full_database), stores.file()
    with pytest.raises(Unavailable, match="no store of the schema 1"):
        copy(stores.database().url, target.url)
    monkeypatch.setattr(copying, "VERSION", 2)
    with pytest.raises(Unavailable, match="schema 2; open it to migrate it"):
        copy(full.url, target.url)
    with pytest.raises(Unavailable, match="schema 2; open the store to migrate it"), copying.target(full.url):
        pass
    monkeypatch.setattr(copying, "VERSION", 0)
    with pytest.raises(NewerSchema):
        copy(full.url, target.url)
    assert not target.path.exists()
