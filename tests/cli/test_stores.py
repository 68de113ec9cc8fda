"""``usercore init``, ``check``, ``repair``, ``backup``, ``cleanup`` and ``stats``."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import usercore
from tests.cli.running import run


def test_init_creates_a_store_and_leaves_one_that_exists(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    for _ in range(2):
        assert run("init", "--store", url).out == "the store is ready; tenants: main, system\n"
    assert run("check", "--store", url).status == 0


@pytest.mark.parametrize(
    "command", [["stats"], ["user", "find", "bob"], ["cleanup"], ["check"], ["repair"], ["backup", "copy.db"]]
)
def test_other_commands_create_no_store(tmp_path: Path, command: list[str]) -> None:
    done = run(*command, "--store", f"sqlite:///{tmp_path}/mistyped.db")
    assert (done.status, list(tmp_path.iterdir())) == (2, [])
    assert str(tmp_path) in done.err


@pytest.mark.parametrize("command", [["init"], ["cleanup"], ["stats"], ["user", "create", "bob@example.com"]])
def test_a_store_in_memory_is_there_for_one_command(command: list[str]) -> None:
    assert run(*command, "--store", "memory://", "--as", "Ann").status == 0


def test_a_damaged_store_is_status_1_and_its_findings_are_listed(store: str) -> None:
    run("user", "create", "bob@example.com", "--username", "bob")
    assert run("check", "--json").json["is_clean"] is True
    assert run("check").out.endswith(" rows, no problem\n")
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE usercore_users SET username = 'eve'")
        connection.commit()
    done = run("check", "--json")
    report = json.loads(done.out)
    assert (done.status, report["is_clean"], {one["kind"] for one in report["findings"]}) == (1, False, {"mismatch"})
    table = run("check")
    assert (table.status, table.out.splitlines()[1].split()[:2]) == (1, ["mismatch", "usercore_users"])


def test_a_damaged_store_is_repaired_and_what_is_left_is_listed(store: str) -> None:
    for name in ("bob", "eve"):
        run("user", "create", f"{name}@example.com", "--username", name)
    assert run("repair").out.endswith(" rows, no problem\n")
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM usercore_claims WHERE key = 'bob'")
        connection.commit()
        dry = run("repair", "--dry-run", "--json")
        assert (dry.status, [one["kind"] for one in json.loads(dry.out)["repairs"]]) == (1, ["claimed"])
        done = run("repair")
        assert (done.status, done.err) == (0, "1 repaired\n")
        assert done.out.splitlines()[1].split()[:2] == ["claimed", "usercore_claims"]
        connection.execute("UPDATE usercore_users SET username = 'eve'")
        connection.commit()
    left = run("repair")
    assert left.status == 1
    assert "its username is claimed by user" in left.out


def test_findings_that_are_not_listed_are_counted(store: str) -> None:
    with usercore.open(store) as core:
        core.registration.import_users({"email": f"n{n}@example.com", "username": f"n{n}"} for n in range(103))
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE usercore_users SET username = username || 'x'")
        connection.commit()
    left_out = json.loads(run("check", "--json").out)["left_out"]
    done = run("check")
    assert (done.status, done.err) == (1, f"{left_out} more are not listed\n")
    assert left_out > 0


def test_a_backup_is_a_store_and_replaces_no_file(store: str, tmp_path: Path) -> None:
    assert store
    run("user", "create", "bob@example.com")
    copy = tmp_path / "copy.db"
    assert run("backup", str(copy)).out == f"copied to {copy}\n"
    assert run("user", "find", "bob@example.com", "--store", f"sqlite:///{copy}").status == 0
    again = run("backup", str(copy), "--json")
    assert (again.status, again.err) == (2, f"usercore: {copy} exists already; choose another name\n")


@pytest.mark.parametrize("command", [["check"], ["repair"], ["verify"], ["spread"], ["backup", "copy.db"]])
def test_what_a_storage_cannot_do_is_status_2(command: list[str]) -> None:
    assert run(*command, "--store", "memory://").status == 2


def test_registrations_are_counted_in_the_tenant(store: str) -> None:
    with usercore.open(store) as core:
        core.registration.register("bob@example.com", password="correct horse battery staple")
    figures = run("stats", "--json").json
    assert (figures["active"], figures["today"], figures["by_day"][-1]["count"]) == (1, 1, 1)
    assert run("stats").out.splitlines()[0].split() == ["active", "1"]
    assert run("stats", "--tenant", "system", "--json").json["active"] == 0
    (hashes,) = run("stats", "--hashes", "--json").json
    assert hashes["count"] == 1


def test_cleanup_counts_what_it_removed(store: str) -> None:
    assert store
    assert run("cleanup", "--json").json["access_tokens"] == 0


@pytest.mark.slow
def test_a_disk_is_verified(store: str) -> None:
    done = run("verify", "--only", "nothing_of_this_name", "--json")
    assert (done.status, json.loads(done.out)) == (1, {"is_passed": False, "passed": 0, "failed": [], "left_out": []})
    assert store
