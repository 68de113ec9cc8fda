"""``usercore token``."""

from datetime import UTC, datetime, timedelta

import pytest

import usercore
from tests.cli.running import run


def test_tokens_of_a_user_are_listed_and_revoked_by_their_public_ids(store: str) -> None:
    with usercore.open(store) as core:
        user = core.registration.register("bob@example.com").user
        access = core.sign_in.trusted(user.id).access_token
        autologin = core.autologin_tokens.issue(user.id, valid_to=datetime.now(UTC) + timedelta(days=1))
    listed = run("token", "list", "bob@example.com", "--json").json
    assert [one["kind"] for one in listed] == ["access", "autologin"]
    table = run("token", "list", "bob@example.com").out
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [[one["kind"], one["public_id"]] for one in listed]
    for one in listed:
        assert run("token", "revoke", one["public_id"], "--user", str(user.id)).out == f"revoked {one['public_id']}\n"
    assert run("token", "list", "bob@example.com", "--json").json == []
    with usercore.open(store) as core:
        with pytest.raises(usercore.TokenRevoked):
            core.sign_in.identify(access)
        with pytest.raises(usercore.SignInRefused):
            core.sign_in.with_autologin_token(autologin)
    assert run("token", "revoke", listed[0]["public_id"], "--user", str(user.id)).status == 1


def test_api_tokens_of_the_tenant_are_listed_and_revoked(store: str) -> None:
    with usercore.open(store) as core:
        core.registration.register("bob@example.com")
        issued = core.api_tokens.issue("Reports")
    (listed,) = run("token", "list", "--json").json
    assert (listed["name"], listed["revoked_at"]) == ("Reports", None)
    assert (
        run("token", "revoke", listed["public_id"], "--user", "bob@example.com").err == "usercore: tokens.not_found\n"
    )
    assert run("token", "revoke", listed["public_id"], "--json").json == {"public_id": listed["public_id"]}
    with usercore.open(store) as core, pytest.raises(usercore.TokenInvalid):
        core.api_tokens.authorize(issued.secret, "reports")


def test_a_list_has_the_rows_of_all_pages(store: str) -> None:
    with usercore.open(store) as core:
        core.atomic(lambda core: [core.api_tokens.issue(f"Token {number}") for number in range(101)])
    assert len(run("token", "list", "--json").json) == 101


def test_no_secret_is_listed(store: str) -> None:
    with usercore.open(store) as core:
        user = core.registration.register("bob@example.com").user
        secret = core.sign_in.trusted(user.id).access_token.reveal()
    assert secret not in run("token", "list", str(user.id), "--json").out
