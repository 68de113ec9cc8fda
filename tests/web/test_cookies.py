"""Cookies that hold a secret."""

from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import usercore
from usercore import Secret
from usercore_web import CSRF_COOKIE, SESSION_COOKIE, SecretCookie

OCTETS = "".join(character for character in map(chr, range(0x21, 0x7F)) if character not in '",;\\')
VALUES = st.text(OCTETS, min_size=1, max_size=60)
OTHERS = st.lists(st.tuples(st.sampled_from(["a", "session", "__Host-sessions", "_"]), st.text(OCTETS)), max_size=3)


@given(value=VALUES, others=OTHERS, later=OTHERS)
def test_a_value_that_was_written_is_read_among_other_cookies(value: str, others: list[Any], later: list[Any]) -> None:
    name, header = SESSION_COOKIE.write(Secret(value), lifetime=timedelta(hours=1))
    assert name == "Set-Cookie"
    pair = header.split("; ")[0]
    cookies = "; ".join([*(f"{key}={text}" for key, text in others), pair, *(f"{key}={text}" for key, text in later)])
    assert SESSION_COOKIE.read(cookies) == Secret(value)


@given(first=VALUES, second=VALUES)
def test_of_two_values_of_one_name_none_is_taken(first: str, second: str) -> None:
    name = SESSION_COOKIE.name
    found = SESSION_COOKIE.read(f"{name}={first}; {name}={second}")
    assert found == (Secret(first) if first == second else None)


@given(cookies=st.none() | st.text(max_size=80))
def test_any_text_is_read_or_has_no_value(cookies: str | None) -> None:
    assert SESSION_COOKIE.read(cookies) is None


@given(cookies=st.text(max_size=30))
def test_a_value_with_other_characters_is_not_taken(cookies: str) -> None:
    found = SESSION_COOKIE.read(f"{SESSION_COOKIE.name}={cookies}")
    assert found is None or set(found.reveal()) <= set(OCTETS)


def test_the_cookie_of_a_session_lives_as_long_as_its_token() -> None:
    with usercore.open("memory://") as core:
        core.registration.register("ann@example.com", password="correct horse battery staple")
        signed_in = core.sign_in.with_password("ann@example.com", "correct horse battery staple")
        _, header = SESSION_COOKIE.session(signed_in.access_token, signed_in)
        morsel = SimpleCookie(header)["__Host-session"]
        assert morsel["max-age"] == str(365 * 86_400)
        assert (morsel["path"], morsel["samesite"], morsel["domain"]) == ("/", "Lax", "")
        assert (morsel["secure"], morsel["httponly"]) == (True, True)
        assert SESSION_COOKIE.read(f"__Host-session={morsel.value}") == signed_in.access_token


@given(lifetime=st.timedeltas())
def test_a_cookie_lives_from_no_time_to_400_days(lifetime: timedelta) -> None:
    _, header = SESSION_COOKIE.write(Secret("s"), lifetime=lifetime)
    assert 0 <= int(SimpleCookie(header)["__Host-session"]["max-age"]) <= 400 * 86_400


def test_a_cookie_that_is_not_persistent_ends_with_the_browser() -> None:
    _, header = CSRF_COOKIE.write(Secret("s"), lifetime=timedelta(hours=1))
    assert "Max-Age" not in header


def test_a_cleared_cookie_is_removed_and_has_no_value() -> None:
    _, header = SESSION_COOKIE.clear()
    assert SimpleCookie(header)["__Host-session"]["max-age"] == "0"
    assert SESSION_COOKIE.read(header.partition(";")[0]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a=b"},
        {"name": "a;b"},
        {"name": "sid", "path": "/x; Domain=example.com"},
        {"name": "sid", "path": "x"},
        {"name": "sid", "domain": "example.com\r\nX: y"},
        {"name": "sid", "same_site": "None", "secure": False},
        {"name": "sid", "same_site": "lax"},
        {"secure": False},
        {"name": "__Secure-sid", "secure": False},
        {"path": "/app"},
        {"domain": "example.com"},
    ],
)
def test_a_cookie_that_browsers_would_not_store_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        SecretCookie(**wrong)


@given(value=st.text(min_size=1).filter(lambda text: not set(text) <= set(OCTETS)))
def test_a_secret_that_would_break_the_header_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        SESSION_COOKIE.write(Secret(value), lifetime=timedelta(hours=1))
