"""A server for each process that runs tests, and databases on it.

Without PostgreSQL these tests are skipped with a notice, unless ``USERCORE_REQUIRE_POSTGRES=1`` requires them, as CI
does. ``USERCORE_WITHOUT_POSTGRES=1`` skips them in any case.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from scripts.postgres_server import Server, find_programs, folder_in_memory, running
from tests.postgres.helpers import opened
from tests.postgres.pooler import find_pooler, pooled
from tests.storages.checking import fill
from usercore import Busy, Indeterminate
from usercore.testing import StorageContract
from usercore_storage import postgres

HERE = Path(__file__).parent

WITHOUT_WAITING = StorageContract.test_a_unit_that_need_not_wait_is_stored_as_any_other.__name__
"""A case whose units do not wait for a lock. One that was cut may hold it, when the unit runs again."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip these tests if they are not wanted or cannot run; fail if they are required."""
    ours = [item for item in items if HERE in item.path.parents]
    if os.environ.get("USERCORE_WITHOUT_POSTGRES") == "1" or find_programs() is None:
        missing = ours
    elif find_pooler() is None:
        missing = [item for item in ours if "pooler" in getattr(item, "fixturenames", ())]
    else:
        return
    if missing and os.environ.get("USERCORE_REQUIRE_POSTGRES") == "1":
        raise pytest.UsageError("tests/postgres needs PostgreSQL and PgBouncer: apt-get install postgresql pgbouncer")
    items[:] = [item for item in items if item not in missing]
    config.hook.pytest_deselected(items=missing)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Cut the wire during a case that has the fixture ``cut``, whose calls may then not know their outcome."""
    cut = pyfuncitem.funcargs.get("cut")
    if cut is None:
        return (yield)
    assert callable(cut)
    cut()
    try:
        return (yield)
    except Indeterminate:
        return True
    except Busy:
        if pyfuncitem.originalname != WITHOUT_WAITING:
            raise
        return True
    except ExceptionGroup as group:  # Hypothesis runs an example again, whose row may be stored already
        if group.subgroup(Indeterminate) is None:
            raise
        return True


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a server."""
    programs = find_programs()
    assert programs is not None
    with running(programs, folder_in_memory()) as server:
        yield server


@pytest.fixture(scope="session")
def pooler(server: Server) -> Iterator[int]:
    """Return the port of a pooler before the server."""
    program = find_pooler()
    assert program is not None
    with pooled(program, server) as port:
        yield port


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """Return the name of a database that has usercore's tables and no rows."""
    name = server.make_database()
    postgres.open_storage(server.url(name)).close()
    return name


@pytest.fixture(scope="session")
def shared(server: Server, template: str) -> str:
    """Return the name of a database that tests share one after the other."""
    return server.make_database(template)


@pytest.fixture
def emptied(server: Server, shared: str) -> str:
    """Return the name of the shared database, without the rows of earlier tests."""
    server.empty(shared)
    return shared


@pytest.fixture
def database(server: Server, template: str) -> Iterator[str]:
    """Return the name of a new database without rows."""
    name = server.make_database(template)
    yield name
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def own_server() -> Iterator[Server]:
    """Return a server that the test may stop."""
    programs = find_programs()
    assert programs is not None
    with running(programs, folder_in_memory()) as server:
        yield server


@pytest.fixture
def own_database(own_server: Server) -> str:
    """Return the name of a database without rows on the test's own server."""
    name = own_server.make_database()
    postgres.open_storage(own_server.url(name)).close()
    return name


@pytest.fixture(scope="session")
def full(server: Server, template: str) -> str:
    """Return the name of a database with rows in every table."""
    name = server.make_database(template)
    with opened(server.url(name)) as storage:
        fill(storage)
    return name
