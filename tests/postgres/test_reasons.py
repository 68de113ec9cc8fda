"""A store that cannot be opened reports the reason without a password."""

import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pytest

from scripts.postgres_server import GUARDED, Server
from tests.architecture.source import ROOT
from tests.cli.running import run
from usercore import Unavailable
from usercore_storage import check, postgres

PASSWORD: Final = "s3cret"


@pytest.fixture(scope="module", autouse=True)
def _roles(server: Server) -> None:
    """Create a role that needs a password, which is also one that may create nothing in schema ``public``."""
    server.ask(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}'")


def url_of_wrong_password(server: Server, _: str) -> str:
    return server.url(role=f"{GUARDED}:wrong-{PASSWORD}")


def url_of_no_database(server: Server, _: str) -> str:
    return server.url("missing", role=f"{GUARDED}:{PASSWORD}")


def url_of_no_role(server: Server, _: str) -> str:
    return server.url(role=f"nobody:{PASSWORD}")


def url_of_no_right(server: Server, empty: str) -> str:
    return server.url(empty, role=f"{GUARDED}:{PASSWORD}")


def url_of_no_server(_: Server, __: str) -> str:
    return f"postgresql://{GUARDED}:{PASSWORD}@127.0.0.1:1/people"


def url_of_no_socket(_: Server, __: str) -> str:
    return f"postgresql://{GUARDED}:{PASSWORD}@/people?host=/missing/folder"


REASONS: Final[dict[str, Callable[[Server, str], str]]] = {
    "password authentication failed": url_of_wrong_password,
    'database "missing" does not exist': url_of_no_database,
    'role "nobody" does not exist': url_of_no_role,
    "permission denied for schema public": url_of_no_right,
    "Connection refused": url_of_no_server,
    "/missing/folder": url_of_no_socket,
}


@pytest.fixture(scope="module")
def empty(server: Server) -> str:
    """Return the name of a database without tables."""
    return server.make_database()


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("reason", REASONS)
def test_an_error_of_opening_names_the_reason(server: Server, empty: str, reason: str) -> None:
    with pytest.raises(Unavailable) as refusal:
        postgres.open_storage(REASONS[reason](server, empty))
    assert refusal.value.reason is not None
    assert reason in refusal.value.reason
    assert reason in str(refusal.value)
    assert "\n" not in refusal.value.reason
    assert PASSWORD not in f"{refusal.value} {refusal.value.__cause__}"


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("reason", [reason for reason in REASONS if not reason.startswith("permission")])
def test_an_error_of_checking_names_the_reason(server: Server, empty: str, reason: str) -> None:
    with pytest.raises(Unavailable, match=reason):
        check(REASONS[reason](server, empty))


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("reason", REASONS)
def test_the_command_line_prints_the_reason(
    server: Server, empty: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERCORE_STORE", REASONS[reason](server, empty))
    done = run("init")
    assert (done.status, done.out) == (2, "")
    assert reason in done.err
    assert PASSWORD not in done.err


@pytest.mark.rule("Y4")
@pytest.mark.parametrize(
    ("reason", "password"),
    [("permission denied for schema public", PASSWORD), ("a PostgreSQL URL is", f"{PASSWORD}/x")],
)
def test_the_command_line_prints_the_reason_and_no_password(
    server: Server, empty: str, reason: str, password: str
) -> None:
    command = [sys.executable, "-m", "usercore", "import", "/dev/null", "--format", "jsonl", "--store"]
    url = server.url(empty, role=f"{GUARDED}:{password}")
    done = subprocess.run([*command, url], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode
    assert reason in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
