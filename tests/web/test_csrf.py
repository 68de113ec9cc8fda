"""The origin of requests, and the tokens of forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import Secret
from usercore_web import CrossOrigin, CsrfTokenWrong, check_csrf_token, check_same_origin, csrf_token

SECRETS = st.text(min_size=1, max_size=40).map(Secret)
UNSAFE = st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "post", "TRACE", "CONNECT", "OTHER"])
HOSTS = st.sampled_from(["shop.example.com", "shop.example.com:8443", "localhost:8000"])


@given(secret=SECRETS)
def test_a_token_is_valid_for_its_secret_and_no_two_are_alike(secret: Secret) -> None:
    first, second = csrf_token(secret), csrf_token(secret)
    assert first != second
    check_csrf_token(secret, first)
    check_csrf_token(secret, second)


@given(secret=SECRETS, other=st.none() | SECRETS)
def test_a_token_of_another_secret_is_refused(secret: Secret, other: Secret | None) -> None:
    if other != secret:
        with pytest.raises(CsrfTokenWrong):
            check_csrf_token(other, csrf_token(secret))


@given(secret=SECRETS, token=st.none() | st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_refused(secret: Secret, token: str | None) -> None:
    with pytest.raises(CsrfTokenWrong):
        check_csrf_token(secret, token)


@given(secret=SECRETS, place=st.integers(0, 84), character=st.sampled_from("AB_-9"))
def test_a_changed_token_is_refused(secret: Secret, place: int, character: str) -> None:
    token = csrf_token(secret)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(CsrfTokenWrong):
            check_csrf_token(secret, changed)


@given(
    method=UNSAFE, host=HOSTS, origin=st.none() | st.text(), site=st.sampled_from(["cross-site", "same-site", "x", ""])
)
def test_what_another_site_sends_is_refused(method: str, host: str, origin: str | None, site: str) -> None:
    with pytest.raises(CrossOrigin):
        check_same_origin(method, host=host, origin=origin, fetch_site=site)


@given(
    method=UNSAFE, host=HOSTS, scheme=st.sampled_from(["http", "https"]), site=st.sampled_from(["same-origin", "none"])
)
def test_what_the_own_pages_send_is_accepted(method: str, host: str, scheme: str, site: str) -> None:
    check_same_origin(method, host=host, origin=f"{scheme}://{host}", fetch_site=None)
    check_same_origin(method, host=host.upper(), origin=f"{scheme}://{host}", fetch_site=None)
    check_same_origin(method, host=host, origin="null", fetch_site=site)
    check_same_origin(method, host=host, origin=None, fetch_site=None)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://shop.example.com.evil.example",
        "null",
        "",
        "https://[",
        "https://shop.example.com:1",
    ],
)
def test_an_origin_that_is_not_the_host_is_refused(origin: str) -> None:
    with pytest.raises(CrossOrigin):
        check_same_origin("POST", host="shop.example.com", origin=origin, fetch_site=None)
    with pytest.raises(CrossOrigin):
        check_same_origin("POST", host=None, origin=origin, fetch_site=None)


@given(method=st.sampled_from(["GET", "HEAD", "OPTIONS", "get"]), origin=st.text(), site=st.text())
def test_a_method_that_changes_nothing_is_accepted_from_everywhere(method: str, origin: str, site: str) -> None:
    check_same_origin(method, host="shop.example.com", origin=origin, fetch_site=site)
