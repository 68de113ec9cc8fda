"""``usercore copy`` and ``reopen``."""

import json
from pathlib import Path

import pytest

import usercore
from tests.cli.running import run


def test_a_copy_closes_the_store_until_it_is_opened_again(store: str, tmp_path: Path) -> None:
    assert store
    run("user", "create", "bob@example.com")
    target = f"sqlite:///{tmp_path}/new.db"
    first = run("copy", "--to", target, "--no-finish")
    assert first.out.startswith("copied ")
    assert first.out.endswith("the last changes are left to another run\n")
    assert first.err.splitlines() == ["copying rows", "making indexes", "comparing rows"]
    second = run("copy", "--to", target)
    assert second.out.startswith("copied 0 rows and compared 0, then copied 0 changes; waited 0.")
    assert "closed for writes" in second.err
    assert run("user", "find", "bob@example.com", "--store", target).status == 0
    assert run("check", "--store", target).status == 0
    refused = run("user", "create", "eve@example.com")
    assert (refused.status, refused.err.split()[1]) == (2, "storage.read_only:")
    again = run("copy", "--to", f"sqlite:///{tmp_path}/other.db", "--json")
    assert (again.status, json.loads(again.err)["code"]) == (2, "storage.read_only")
    assert run("reopen").out == "the store accepts writes\n"
    assert run("user", "create", "eve@example.com").status == 0


def test_a_store_may_stay_open_and_figures_are_json(store: str, tmp_path: Path) -> None:
    assert store
    form = run("copy", "--to", f"sqlite:///{tmp_path}/new.db", "--keep-open", "--json").json
    assert (form["is_finished"], form["rows"], form["changes"]) == (True, form["compared"], 0)
    assert 0 < form["closed"] < 60
    assert run("user", "create", "eve@example.com").status == 0
    assert run("reopen", "--json").json == {"closed": False}


def test_a_target_with_rows_is_status_2(store: str, tmp_path: Path) -> None:
    assert store
    url = f"sqlite:///{tmp_path}/full.db"
    usercore.open(url).close()
    done = run("copy", "--to", url)
    assert (done.status, done.err.split()[1]) == (2, "storage.target_not_empty:")


@pytest.mark.parametrize("command", [["copy", "--to", "memory://"], ["copy", "--store", "memory://"], ["reopen"]])
def test_other_urls_are_status_2(tmp_path: Path, command: list[str]) -> None:
    rest = {"--to": f"sqlite:///{tmp_path}/a.db", "--store": "nothing"}
    for option, url in rest.items():
        if option not in command and (option == "--store" or command[0] == "copy"):
            command = [*command, option, url]
    done = run(*command)
    assert (done.status, "sqlite:///" in done.err) == (2, True)
