"""``usercore user``."""

import json
from uuid import UUID

import pytest

import usercore
from tests.cli.running import run

pytestmark = pytest.mark.usefixtures("store")

PASSWORD = "correct horse battery staple"


def test_a_user_is_created_by_the_operator_and_shown(store: str) -> None:
    form = run("user", "create", "bob@example.com", "--username", "bob", "--first-name", "Bob", "--json").json
    assert (form["email"], form["username"], form["first_name"]) == ("bob@example.com", "bob", "Bob")
    assert form["created_by"] == "operator:Ann"
    shown = run("user", "show", str(form["id"]), "--json").json
    assert shown["user"] == form
    assert (shown["status"]["password_set"], shown["roles"]) == (False, [])
    assert shown["changes"]["rows"][0]["kind"] == "user.registered"
    with usercore.open(store) as core:
        assert core.history.of_user(form["id"]).rows[0].actor == "operator:Ann"
        assert core.access_tokens.list(form["id"]).rows == ()


def test_people_read_a_line_for_each_value_that_is_not_empty() -> None:
    assert run("user", "create", "bob@example.com").status == 0
    lines = run("user", "show", "bob@example.com").out.splitlines()
    assert "email                 bob@example.com" in lines
    assert "password_set          no" in lines
    assert not any(line.startswith("username") for line in lines)


def test_people_see_what_belongs_to_a_user(store: str) -> None:
    with usercore.open(store) as core:
        user = core.registration.register("bob@example.com").user
        core.groups.add(user.id, core.groups.create("Readers").id)
        core.products.grant(user.id, ["daily"])
        for source in ("app", "web"):
            core.sign_in.trusted(user.id, source=source)
    lines = run("user", "show", "bob@example.com").out.splitlines()
    shown = dict(line.split(maxsplit=1) for line in lines)
    assert (shown["groups"], shown["products"], shown["sources"]) == ("Readers", "daily", "web, app")
    assert "roles" not in shown


def test_control_characters_do_not_reach_the_terminal() -> None:
    run("user", "create", "bob@example.com", "--note", "one\ntwo")
    assert "note                  one?two" in run("user", "show", "bob@example.com").out.splitlines()


@pytest.mark.parametrize(
    "form", ["{id}", "{uuid}", "BOB@example.com", "email:bob@example.com", "username:Bob", "external:7", "access:c:1"]
)
def test_a_user_is_named_by_any_identifier(store: str, form: str) -> None:
    with usercore.open(store) as core:
        user = core.registration.register("bob@example.com", username="bob", external_id=7).user
        core.users.set_access_ids(user.id, ["c:1"])
    assert run("user", "show", form.format(id=user.id, uuid=user.uuid), "--json").json["user"]["id"] == user.id


@pytest.mark.parametrize("text", ["bob", "007", "", "-1", "9" * 40, str(UUID(int=0))[:-1], "username"])
def test_text_that_may_be_several_identifiers_is_refused_and_not_guessed(text: str) -> None:
    done = run("user", "show", "--", text)
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[-1].endswith(
        "expected an id, a UUID, an email, or username:NAME, external:ID, access:ID"
    )


def test_find_tries_every_kind_of_identifier(store: str) -> None:
    with usercore.open(store) as core:
        bob = core.registration.register("bob@example.com", username="4711").user
        eve = core.registration.register("eve@example.com", external_id="4711").user
    done = run("user", "find", "4711")
    assert [line.split()[0] for line in done.out.splitlines()] == ["ID", str(bob.id), str(eve.id)]
    assert [user["id"] for user in run("user", "find", str(eve.id), "--json").json] == [eve.id]


def test_find_goes_on_to_beginnings_of_names_of_all_users_but_the_erased(store: str) -> None:
    with usercore.open(store) as core:
        bob = core.registration.register("bob@example.com", last_name="Carlson").user
        eve = core.registration.register("carla@example.com").user
        core.users.deactivate(bob.id)
    assert [user["id"] for user in run("user", "find", "carl", "--json").json] == [bob.id, eve.id]
    assert [user["id"] for user in run("user", "find", "carla@example.com", "--json").json] == [eve.id]


def test_find_without_a_result_is_status_1() -> None:
    assert (run("user", "find", "carl").status, run("user", "find", "carl", "--json").out) == (1, "[]\n")
    assert run("user", "find", "ca").err == "usercore: query: too_short\n"


def test_a_password_is_read_from_standard_input_only(store: str) -> None:
    assert run("user", "create", "bob@example.com", "--with-password", text=f"{PASSWORD}\r\n").status == 0
    with usercore.open(store) as core:
        assert core.sign_in.with_password("bob@example.com", PASSWORD).user.email == "bob@example.com"
    again = run("user", "set-password", "bob@example.com", text=PASSWORD)
    assert again.out.endswith("has this password already\n")
    assert run("user", "set-password", "bob@example.com", "--json", text="another one, longer").json["changed"] is True


def test_a_password_is_prompted_for_twice_on_a_terminal_and_not_shown(store: str) -> None:
    run("user", "create", "bob@example.com")
    entered = f"{PASSWORD}\nmistyped\n{PASSWORD}\n{PASSWORD}\n"
    done = run("user", "set-password", "bob@example.com", text=entered, terminal=True)
    assert (done.status, done.err.count("Repeat for confirmation")) == (0, 2)
    assert PASSWORD not in done.out + done.err
    with usercore.open(store) as core:
        core.sign_in.with_password("bob@example.com", PASSWORD)


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_missing_password_changes_nothing(text: str) -> None:
    done = run("user", "create", "bob@example.com", "--with-password", text=text)
    assert (done.status, done.err) == (2, "usercore: expected a password as the first line of standard input\n")
    assert run("user", "find", "bob@example.com").status == 1


@pytest.mark.rule("Y4")
def test_a_password_among_the_arguments_is_refused_and_not_repeated() -> None:
    run("user", "create", "bob@example.com")
    for arguments in (
        ["set-password", "bob@example.com", PASSWORD],
        ["create", "eve@example.com", f"--password={PASSWORD}"],
    ):
        done = run("user", *arguments)
        assert done.status == 2
        assert PASSWORD not in done.out + done.err
    assert run("user", "find", "eve@example.com").status == 1


def test_a_refused_password_is_status_1_and_names_the_reasons() -> None:
    run("user", "create", "bob@example.com")
    done = run("user", "set-password", "bob@example.com", text="short\n")
    assert (done.status, done.err) == (1, "usercore: passwords.refused reasons=('too_short', 'common')\n")


def test_deactivating_and_activating_say_the_state(store: str) -> None:
    user = run("user", "create", "bob@example.com", "--json").json
    with usercore.open(store) as core:
        token = core.sign_in.trusted(user["id"]).access_token
    assert run("user", "deactivate", "bob@example.com").out == f"user {user['id']} is deactivated\n"
    assert run("user", "activate", "bob@example.com", "--json").json["state"] == "active"
    with usercore.open(store) as core, pytest.raises(usercore.TokenInvalid):
        core.sign_in.identify(token)


def test_users_of_another_tenant_are_not_found(store: str) -> None:
    with usercore.open(store) as core:
        core.tenant("system").tenants.create("acme", "Acme")
    run("user", "create", "bob@example.com", "--tenant", "acme")
    assert run("user", "show", "bob@example.com", "--tenant", "ACME").status == 0
    done = run("user", "show", "bob@example.com")
    assert (done.status, done.err) == (1, "usercore: users.not_found\n")


@pytest.mark.rule("X6")
def test_a_user_is_erased_after_a_confirmation(store: str) -> None:
    user = run("user", "create", "bob@example.com", "--json").json["id"]
    erase = ("user", "erase", "bob@example.com", "--reason", "asked in writing")
    assert run(*erase).status == 2, "no terminal to ask on"
    assert run(*erase, text="n\n", terminal=True).status == 1
    assert run("user", "show", str(user)).status == 0
    assert run(*erase, text="y\n", terminal=True).status == 0
    assert run(*erase, "--yes").status == 1
    with usercore.open(store) as core:
        entry = core.history.of_user(user).rows[0]
    assert (entry.kind, entry.new["reason"], entry.actor) == ("user.erased", "asked in writing", "operator:Ann")


@pytest.mark.rule("X6")
def test_a_user_is_erased_by_force_for_programs() -> None:
    user = run("user", "create", "bob@example.com", "--json").json["id"]
    form = run("user", "erase", str(user), "--reason", "asked", "--force", "--yes", "--json").json
    assert (form["id"], form["state"], form["email"]) == (user, "erased", None)


@pytest.mark.rule("X5")
def test_all_data_of_a_user_is_printed_as_json() -> None:
    run("user", "create", "bob@example.com", "--note", "likes maps")
    exported = run("export", "bob@example.com", "--json").json
    assert (exported["format"], exported["user"]["email"]) == ("usercore.person/1", "bob@example.com")
    shown = run("export", "bob@example.com").out
    assert shown.startswith("{\n  ")
    assert json.loads(shown)["user"]["note"] == "likes maps"
    assert run("export", "eve@example.com").status == 1
