"""Finding users, and what the page of one shows."""

from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admin.markup import Page, problems_of
from tests.admin.world import World
from usercore import Actor, Invalid
from usercore_web.admin.changes import Difference, differences
from usercore_web.admin.users import ROWS, SHOWN

NINE: Final = (
    "Addresses",
    "Access tokens",
    "Autologin tokens",
    "Attempts to sign in",
    "Sources",
    "Password changes",
    "Values",
    "Action log",
    "Detail",
)
"""The widgets of the page of a user. Source: the document of REMP CRM's users module, Components."""


def filled() -> World:
    """Return a world whose user has a row in each list."""
    world = World()
    core, ann = world.core, world.user
    core.meta.upsert(ann.id, "newsletter", "daily")
    core.sign_in.with_password("ann@example.com", "correct horse battery staple", source="app")
    core.autologin_tokens.issue(ann.id, valid_to=world.clock() + timedelta(days=1), max_uses=3)
    core.addresses.declare_type("invoice")
    core.addresses.add(ann.id, "invoice", street="Hlavná", number="1", city="Bratislava", country="SK")
    core.bind(actor=Actor.operator("Zoë")).history.log_action("called", ann.id, params={"minutes": 4})
    core.users.update(ann.id, note="two\nlines")
    return world


def test_users_are_found_by_the_beginning_of_a_word() -> None:
    world = World()
    page = Page(world.signed_in().get("/admin/users?q=ann").body)
    assert "Ann" in page.text
    assert "bob@example.com" not in page.text
    assert [one["value"] for one in page.all("input") if one.get("name") == "q"] == ["ann"]


def test_deactivated_and_unclaimed_users_are_found_too() -> None:
    world = World()
    world.core.users.deactivate(world.user.id)
    world.core.registration.register("annabel@example.com", unclaimed=True)
    text = Page(world.signed_in().get("/admin/users?q=ann").body).text
    assert "deactivated" in text
    assert "unclaimed" in text


def test_a_search_that_is_refused_says_why_and_keeps_the_words() -> None:
    answer = World().signed_in().get("/admin/users?q=%3Cb")
    page = Page(answer.body)
    assert answer.status == 422
    assert "at least three characters" in page.text
    assert [one["value"] for one in page.all("input") if one.get("name") == "q"] == ["<b"]


def test_users_are_listed_page_by_page() -> None:
    world = World()
    for number in range(ROWS):
        world.clock.advance(timedelta(minutes=10))
        world.register(f"user{number}@example.com")
    browser = world.signed_in()
    first = Page(browser.get("/admin/users").body)
    (following,) = [one["href"] for one in first.all("a") if "cursor=" in one["href"]]
    second = Page(browser.get(following).body)
    assert first.tags.count("tr") == 1 + ROWS
    assert second.tags.count("tr") == 1 + 3
    assert not [one for one in second.all("a") if "cursor=" in one["href"]]


def test_the_page_of_a_user_has_the_nine_widgets() -> None:
    world = filled()
    page = Page(world.signed_in().get(f"/admin/users/{world.user.id}").body)
    assert [*problems_of(page)] == []
    assert set(NINE) <= {line.strip() for line in page.text.splitlines()}
    assert page.text.count("None.") == 2  # roles and groups, second factors
    for shown in ("newsletter", "daily", "app", "0 of 3", "Hlavná 1 Bratislava SK", "called", "operator:Zoë", "two"):
        assert shown in page.text


def test_a_list_that_is_longer_has_pages_of_its_own() -> None:
    world = World()
    for number in range(SHOWN + 1):
        world.core.meta.upsert(world.user.id, f"key{number}", "value")
    browser = world.signed_in()
    page = Page(browser.get(f"/admin/users/{world.user.id}").body)
    assert f"key{SHOWN - 1}" in page.text
    assert page.text.count(f"key{SHOWN}") == 1  # in the history
    (link,) = [one["href"] for one in page.all("a") if one["href"].endswith("/meta")]
    assert f"key{SHOWN}" in Page(browser.get(link).body).text


def test_times_are_in_the_zone_of_the_tenant() -> None:
    world = World()
    world.core.tenant("system").tenants.update("main", time_zone="Asia/Tokyo")
    body = world.signed_in().get(f"/admin/users/{world.user.id}").body.decode()
    at = world.user.registered_at
    assert at is not None
    assert f'<time datetime="{at.isoformat()}">{at + timedelta(hours=9):%Y-%m-%d %H:%M}</time>' in body
    assert "Times are in Asia/Tokyo." in body


def test_history_shows_who_and_what_changed() -> None:
    world = World()
    world.core.bind(actor=Actor.user(world.operator.id)).users.update(world.user.id, first_name="Anna")
    page = Page(world.signed_in().get(f"/admin/users/{world.user.id}/changes").body)
    assert "first name: Ann → Anna" in page.text
    assert f"/admin/users/{world.operator.id}" in [one["href"] for one in page.all("a")]


VALUES: Final = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
SIDES: Final = st.dictionaries(st.sampled_from(["reason", "name", "state", "key"]), VALUES)


@given(old=SIDES, new=SIDES)
def test_differences_have_each_field_once_but_the_reason(old: dict[str, object], new: dict[str, object]) -> None:
    found = differences(old, new)
    assert [one.field for one in found] == sorted({*old, *new} - {"reason"})
    for one in found:
        assert (one.old is None) == (old.get(one.field) is None)
        assert one.old == one.new or old.get(one.field) != new.get(one.field)


def test_values_of_history_are_texts_for_people() -> None:
    assert differences({"a": True, "b": "x"}, {"a": False, "b": "x", "c": ["ž", 1]}) == [
        Difference("a", "yes", "no"),
        Difference("b", "x", "x"),
        Difference("c", None, '["ž", 1]'),
    ]


ODD = st.text(st.sampled_from("<>&\"'`{}%=/ scriptonx-") | st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(name=ODD, note=ODD, key=ODD, agent=ODD)
@pytest.mark.parametrize("path", ["", "/changes", "/meta", "/attempts"])
def test_texts_of_users_are_never_markup(path: str, name: str, note: str, key: str, agent: str) -> None:
    world = World()
    browser = world.signed_in()
    target = f"/admin/users/{world.user.id}{path}"
    try:
        core = world.core.bind(user_agent=f"<script>{agent}", ip="192.0.2.9")
        core.users.update(world.user.id, first_name=f"<b onclick=x>{name}", note=f"<!--{note}")
        core.meta.upsert(world.user.id, key, f'"><img src=x>{note}')
        core.sign_in.trusted(world.user.id)
    except Invalid:
        return
    page = Page(browser.get(target).body)
    assert [*problems_of(page)] == []
    assert {"b", "img"}.isdisjoint(page.tags)
    found = Page(browser.get("/admin/users?q=ann").body)
    assert [*problems_of(found)] == []
