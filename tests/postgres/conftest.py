"""A server for each process that runs tests, and databases in it.

Without PostgreSQL on the machine these tests fail, unless ``USERCORE_WITHOUT_POSTGRES=1`` says that nobody wants them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.server import Server, find_programs, running
from usercore_storage import postgres

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out if they are not wanted, and say it once if they cannot run."""
    ours = [item for item in items if HERE in item.path.parents]
    if os.environ.get("USERCORE_WITHOUT_POSTGRES") == "1":
        items[:] = [item for item in items if HERE not in item.path.parents]
        config.hook.pytest_deselected(items=ours)
    elif ours and find_programs() is None:
        raise pytest.UsageError(
            "tests/postgres needs a PostgreSQL server: apt-get install postgresql;"
            " or leave these tests out by USERCORE_WITHOUT_POSTGRES=1"
        )


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Give a server."""
    programs = find_programs()
    assert programs is not None
    with running(programs) as server:
        yield server


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Name a database that has our tables and no rows."""
    name = server.make_database()
    postgres.open_storage(server.url(name)).close()
    return name


@pytest.fixture(scope="session")
def shared(server: Server, template: str) -> str:
    """Name a database that tests share one after the other."""
    return server.make_database(template)


@pytest.fixture
def emptied(server: Server, shared: str) -> str:
    """Name a database without rows. Removing them takes a tenth of the time of making a database."""
    tables = server.ask(
        "SELECT tablename FROM pg_tables WHERE tablename LIKE 'usercore_%%' AND tablename <> 'usercore_schema'",
        database=shared,
    )
    deletions = [f"DELETE FROM {table}" for (table,) in tables]  # noqa: S608 - names from the schema
    server.ask("; ".join(deletions), database=shared)
    return shared


@pytest.fixture
def database(server: Server, template: str) -> Iterator[str]:
    """Name a database of the test's own, without rows."""
    name = server.make_database(template)
    yield name
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def own_server() -> Iterator[Server]:
    """Give a server that the test may stop."""
    programs = find_programs()
    assert programs is not None
    with running(programs) as server:
        yield server


@pytest.fixture
def own_database(own_server: Server) -> str:
    """Name a database on the test's own server, without rows."""
    name = own_server.make_database()
    postgres.open_storage(own_server.url(name)).close()
    return name
