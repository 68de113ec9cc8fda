"""Attempts: their stored fields, statuses and sources."""

import pytest
from hypothesis import given

from usercore.attempts.model import LOGIN_LIMIT, AttemptStatus, RegistrationStatus
from usercore.attempts.rules import api_status, attempt_of, authenticator_of, login_of, registration_attempt_of
from usercore.kernel.context import Context
from usercore.testing import NOON
from usercore.testing.samples import ANN
from usercore.testing.strategies import hostile_text, storable_text
from usercore.users.keys import login_key


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, None),
        ("", ""),
        (" Ann  Lee ", "Ann  Lee"),
        ("x" * 254, "x" * 254),
        ("x" * 255, "x" * 254),
        ("😀" * 300, "😀" * 254),
        ("a\0\ud800\r\nb\n", "a??  b"),
    ],
    ids=["none", "nothing", "blanks", "254", "255", "wide", "hostile"],
)
def test_the_start_of_a_login_is_stored_as_typed(typed: str | None, kept: str | None) -> None:
    assert login_of(typed) == kept


@pytest.mark.rule("S6")
@given(hostile_text())
def test_any_text_typed_as_a_login_can_be_stored(text: str) -> None:
    kept = login_of(text)
    assert kept is not None
    assert len(kept) <= LOGIN_LIMIT
    assert kept.isprintable()


@pytest.mark.rule("X6", "S6")
@pytest.mark.parametrize("unseen", ["\t", "\r\n", "\xa0", "\u3000", " " * 300])
@pytest.mark.parametrize("login", ["{}ann@example.com", "ann@example.com{}", "{}Ann Lee{}"])
def test_what_is_stored_of_a_login_names_the_same_user(login: str, unseen: str) -> None:
    typed = login.format(unseen, unseen)
    assert login_key(login_of(typed) or "") == login_key(typed) == login_key(login.format("", ""))


@pytest.mark.rule("X6", "S6")
@pytest.mark.parametrize(
    ("typed", "meant"), [("ann@exa\xadmple.com", "ann@example.com"), ("Ann\xa0Lee", "ann lee")], ids=["domain", "name"]
)
def test_what_is_stored_has_no_unseen_characters_within(typed: str, meant: str) -> None:
    assert login_key(login_of(typed) or "") == login_key(typed) == meant


@pytest.mark.rule("S6", "R1")
def test_an_attempt_has_its_instant_origin_and_status() -> None:
    context = Context(ip="192.0.2.7", user_agent="Lynx", source="web")
    attempt = attempt_of(
        context, AttemptStatus.WRONG_PASS, number=7, user_id=ANN, login="x" * 300, authenticator="password", at=NOON
    )
    registration = registration_attempt_of(
        context, RegistrationStatus.VETOED, number=8, user_id=None, login="x" * 300, at=NOON
    )
    assert (attempt.id, attempt.user_id, attempt.status, attempt.authenticator) == (7, ANN, "wrong_pass", "password")
    assert (registration.id, registration.user_id, registration.status) == (8, None, "vetoed")
    for record in (attempt, registration):
        assert (record.tenant_id, record.login, record.at) == (2, "x" * 254, NOON)
        assert (record.ip, record.user_agent, record.source) == ("192.0.2.7", "Lynx", "web")


@pytest.mark.rule("S6")
def test_a_status_tells_whether_the_user_was_signed_in() -> None:
    good = {status for status in AttemptStatus if status.is_ok}
    assert good == {
        "ok",
        "api_ok",
        "login_token_ok",
        "token_ok",
        "access_token_ok",
        "passkey_ok",
        "login_after_sign_up",
    }


@pytest.mark.rule("S2")
@given(name=storable_text())
def test_a_source_of_the_api_names_the_authenticator_behind_the_prefix(name: str) -> None:
    assert authenticator_of(f"api+{name}") == name
    assert authenticator_of(name) == name.removeprefix("api+")


@pytest.mark.rule("S2")
@pytest.mark.parametrize("source", [None, "", "api", "API+password", "password", "api +password", "x-api+password"])
def test_any_other_source_is_not_changed(source: str | None) -> None:
    assert authenticator_of(source) == source


@pytest.mark.rule("S2", "S6")
def test_the_prefix_is_removed_once_and_the_sign_in_is_stored_as_of_the_api() -> None:
    assert authenticator_of("api+api+password") == "api+password"
    assert api_status(AttemptStatus.OK, "api+password") is AttemptStatus.API_OK
