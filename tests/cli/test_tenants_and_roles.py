"""``usercore tenant`` and ``usercore role``."""

import usercore
from tests.cli.running import run


def test_a_tenant_is_created_listed_deactivated_and_activated(store: str) -> None:
    created = run("tenant", "create", "acme", "Acme", "--time-zone", "Europe/Berlin", "--country", "DE", "--json").json
    assert (created["key"], created["time_zone"], created["country"]) == ("acme", "Europe/Berlin", "DE")
    assert created["created_by"] == "operator:Ann"
    assert run("tenant", "deactivate", "ACME").out == "tenant acme is inactive\n"
    listed = run("tenant", "list", "--json").json
    assert {one["key"]: one["active"] for one in listed} == {"acme": False, "main": True, "system": True}
    lines = [line.split() for line in run("tenant", "list").out.splitlines()]
    assert lines[0] == ["ID", "KEY", "NAME", "ACTIVE", "TIME_ZONE", "LANGUAGE"]
    assert [line[1:4] for line in lines if "acme" in line] == [["acme", "Acme", "no"]]
    assert run("tenant", "activate", "acme").out == "tenant acme is active\n"
    with usercore.open(store) as core:
        assert core.tenant("system").tenants.get("acme").active


def test_a_refused_change_of_a_tenant_is_status_1(store: str) -> None:
    assert store
    assert run("tenant", "create", "main", "Another").status == 1
    assert run("tenant", "deactivate", "system").status == 1
    assert run("tenant", "activate", "acme").err == "usercore: tenants.not_found\n"


def test_a_role_is_created_given_listed_and_taken(store: str) -> None:
    assert store
    run("user", "create", "bob@example.com")
    permissions = ("--permission", "orders.read", "--permission", "orders.write")
    created = run("role", "create", "Clerk", "--privileged", *permissions, "--json").json
    assert (created["permissions"], created["privileged"]) == (["orders.read", "orders.write"], True)
    assert run("role", "list", "--json").json == [created]
    assert run("role", "list").out.splitlines()[1].split()[1:] == [
        "Clerk",
        "yes",
        "yes",
        "orders.read,",
        "orders.write",
    ]
    assert run("role", "give", "bob@example.com", "clerk").out == "given\n"
    assert run("role", "give", "bob@example.com", "clerk", "--json").json == {"changed": False}
    assert [held["role"] for held in run("user", "show", "bob@example.com", "--json").json["roles"]] == [created]
    assert "roles                 Clerk" in run("user", "show", "bob@example.com").out.splitlines()
    assert run("role", "take", "bob@example.com", "clerk").out == "taken\n"
    assert run("role", "take", "bob@example.com", "clerk").out == "the user does not have this role\n"


def test_a_role_that_does_not_exist_is_status_1(store: str) -> None:
    assert store
    run("user", "create", "bob@example.com")
    assert run("role", "give", "bob@example.com", "clerk").err == "usercore: roles.not_found\n"
