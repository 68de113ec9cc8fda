"""A server for each process that runs tests, and databases in it.

A machine without PostgreSQL leaves these tests out and says so, unless ``USERCORE_REQUIRE_POSTGRES=1`` demands them, as
CI does. ``USERCORE_WITHOUT_POSTGRES=1`` leaves them out in any case.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.server import Server, find_programs, running
from usercore_storage import postgres

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out if they are not wanted or cannot run, and fail if they were demanded."""
    ours = [item for item in items if HERE in item.path.parents]
    unwanted = os.environ.get("USERCORE_WITHOUT_POSTGRES") == "1"
    if not ours or (not unwanted and find_programs() is not None):
        return
    if os.environ.get("USERCORE_REQUIRE_POSTGRES") == "1":
        raise pytest.UsageError("tests/postgres needs a PostgreSQL server: apt-get install postgresql")
    items[:] = [item for item in items if HERE not in item.path.parents]
    config.hook.pytest_deselected(items=ours)


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
    """Name a database that no longer has the rows of the tests before."""
    server.empty(shared)
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
