"""Bearer tokens, targets of redirects, and the arguments of lists."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import usercore
from usercore import Invalid, Page, Secret, User
from usercore_web import every_row, local_target, read_bearer, read_page_arguments

TARGETS = (
    st.text() | st.text("/\\.:@?# \t\nabc%", max_size=12) | st.text("/\\abc", max_size=6).map(lambda text: f"/{text}")
)


@given(target=TARGETS)
def test_a_target_stays_on_the_host(target: str) -> None:
    chosen = local_target(target)
    assert urlsplit(urljoin("https://shop.example.com/login", chosen)).netloc == "shop.example.com"
    assert chosen.isascii()
    assert not chosen.startswith("//")


@pytest.mark.parametrize("target", ["/", "/account?tab=sessions#top", "/a//b", "/%2F%2Fevil.example"])
def test_a_path_of_the_application_is_taken(target: str) -> None:
    assert local_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nX: y",
        "account",
        " /a",
    ],
)
def test_another_target_is_replaced(target: str | None) -> None:
    assert local_target(target, default="/home") == "/home"


@pytest.mark.parametrize("header", ["Bearer uca_123", "bearer uca_123", "BEARER   uca_123 "])
def test_a_bearer_token_is_read(header: str) -> None:
    assert read_bearer(header) == Secret("uca_123")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer a b", "Bearer a,b", "Bearer\ta", "xBearer a"]
)
def test_a_header_of_another_form_has_no_token(header: str | None) -> None:
    assert read_bearer(header) is None


@given(header=st.text())
def test_any_header_is_read_or_has_no_token(header: str) -> None:
    assert read_bearer(header) is None or header.lower().startswith("bearer ")


def test_the_arguments_of_a_list_are_read_from_the_query() -> None:
    assert read_page_arguments({"cursor": "abc", "limit": "20", "other": "x"}) == {"cursor": "abc", "limit": 20}
    assert read_page_arguments({"cursor": ""}) == {}


@pytest.mark.parametrize("limit", ["", "x", "-1", "1.5", "１", "9" * 17, " 1"])
def test_a_limit_that_is_no_number_is_refused_by_field(limit: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_page_arguments({"limit": limit})
    assert [fault.field for fault in refusal.value.errors] == ["limit"]


def test_the_rows_of_all_pages_are_read_in_order() -> None:
    with usercore.open("memory://") as core:
        for number in range(5):
            core.registration.register(username=f"user{number}")
        asked: list[str | None] = []

        def page_at(cursor: str | None) -> Page[User]:
            asked.append(cursor)
            return core.users.list(cursor=cursor, limit=2)

        assert [user.username for user in every_row(page_at)] == [f"user{number}" for number in range(5)]
    assert (len(asked), asked[0]) == (3, None)
