"""The command works on a PostgreSQL store."""

import json
from pathlib import Path

import pytest

from scripts.postgres_server import Server
from tests.cli.running import run


def test_commands_work_on_a_postgresql_store(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,email,first_name\n7,ann@example.com,Ann\n", encoding="utf-8")
    monkeypatch.setenv("USERCORE_STORE", server.url(server.make_database()))
    monkeypatch.setenv("USERCORE_OPERATOR", "Ann")
    assert run("init").status == 0
    assert run("import", str(file)).status == 0
    assert run("role", "create", "Clerk").status == 0
    assert run("role", "give", "7", "clerk").status == 0
    assert run("user", "set-password", "7", text="correct horse battery staple").status == 0
    assert run("user", "show", "7", "--json").json["status"]["password_set"] is True
    assert run("user", "find", "ann", "--json").json[0]["id"] == 7
    assert run("stats", "--json").json["active"] == 1
    assert run("tenant", "list", "--json").json[0]["key"] == "main"
    assert run("token", "list", "7", "--json").json == []
    assert run("cleanup").status == 0
    assert run("check", "--json").json["is_clean"] is True
    examined = run("doctor", "--json")
    results = {one["check"]: one for one in json.loads(examined.out)["results"]}
    assert (examined.status, results["verified_emails"]["found"]) == (1, "1 of 1 users have an unverified email")
    assert results["hash_cost"]["outcome"] == results["outdated_hashes"]["outcome"] == "passed"
    done = run("backup", "copy.db")
    assert (done.status, "pg_dump" in done.err) == (2, True)
