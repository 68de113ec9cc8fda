"""Every page and action: who gets it, and what its HTML is like."""

import re

import pytest

import usercore
from tests.admin.markup import Page, problems_of
from tests.admin.sample_requests import SAMPLES
from tests.admin.world import World, csrf_in, submit, submit_without_token
from usercore_web.admin.done import DONE
from usercore_web.admin.operators import AdminRoute
from usercore_web.admin.router import PAGES

READ = [one for one in PAGES if one.method == "GET"]
ACTIONS = [one for one in PAGES if one.method == "POST"]


def world_for(route: AdminRoute) -> World:
    """Return a world whose operator may use a route: tenants are for admins."""
    return World(admin=route.path.startswith("/tenants"))


def target_of(route: AdminRoute, world: World) -> str:
    return prepare(route, world)[0]


def prepare(route: AdminRoute, world: World) -> tuple[str, dict[str, str]]:
    """Return the target of a sample request, and the fields of its form."""
    sample = SAMPLES[route.method, route.path](world)
    return "/admin" + route.path.format(**sample.values), dict(sample.fields)


def name_of(route: AdminRoute) -> str:
    return f"{route.method} {route.path}"


def test_each_page_and_action_has_a_sample() -> None:
    assert SAMPLES.keys() == {(one.method, one.path) for one in PAGES}
    assert {one.method for one in PAGES} <= {"GET", "POST"}


def test_each_action_says_what_was_done() -> None:
    assert {one.use_case for one in ACTIONS} == DONE.keys()


@pytest.mark.parametrize("route", [one for one in PAGES if one.path.startswith("/tenants")], ids=name_of)
def test_tenants_are_for_admins(route: AdminRoute) -> None:
    world = World()
    target, fields = prepare(route, world)
    browser = world.signed_in()
    answer = browser.get(target) if route.method == "GET" else submit(browser, target, **fields)
    assert answer.status == 403


def test_only_admins_see_a_link_to_the_tenants() -> None:
    for world, is_shown in ((World(), False), (World(admin=True), True)):
        links = [one["href"] for one in Page(world.signed_in().get("/admin").body).all("a")]
        assert ("/admin/tenants" in links) == is_shown


def test_each_page_and_action_names_a_call_that_exists() -> None:
    with usercore.open("memory://") as core:
        for one in PAGES:
            service, method = one.use_case.split(".")
            assert callable(getattr(getattr(core, service), method)), one


@pytest.mark.parametrize("route", READ, ids=name_of)
def test_an_operator_gets_an_accessible_page(route: AdminRoute) -> None:
    world = world_for(route)
    answer = world.signed_in().get(target_of(route, world))
    assert (answer.status, answer.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert [*problems_of(Page(answer.body))] == []


@pytest.mark.parametrize("route", READ, ids=name_of)
def test_a_page_may_run_nothing_and_load_its_style_only(route: AdminRoute) -> None:
    world = world_for(route)
    answer = world.signed_in().get(target_of(route, world))
    assert answer.header("Content-Security-Policy") == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none';"
        " base-uri 'none'"
    )
    assert answer.header("Cache-Control") == "no-store"


@pytest.mark.parametrize("route", PAGES, ids=name_of)
def test_without_a_session_the_sign_in_is_shown(route: AdminRoute) -> None:
    world = World()
    answer = world.browser().request(route.method, target_of(route, world), {"sec-fetch-site": "same-origin"})
    assert answer.status == 303
    assert re.match(r"/admin/sign-in\?next=%2Fadmin%2F", answer.header("Location") or "")


@pytest.mark.parametrize("route", PAGES, ids=name_of)
def test_a_user_who_is_no_operator_is_refused(route: AdminRoute) -> None:
    world = World()
    target, browser = target_of(route, world), world.browser_of(world.bystander)
    before = world.traces()
    answer = browser.request(route.method, target, {"sec-fetch-site": "same-origin"})
    assert answer.status == 403
    assert [*problems_of(Page(answer.body))] == []
    assert world.traces() == before


@pytest.mark.parametrize("route", ACTIONS, ids=name_of)
def test_an_action_is_done_by_the_operator_who_sees_what_was_done(route: AdminRoute) -> None:
    world = world_for(route)
    target, fields = prepare(route, world)
    browser = world.signed_in()
    before = world.traces()
    answer = submit(browser, target, **fields)
    assert answer.status == 303
    shown = Page(browser.get(answer.header("Location") or "").body)
    assert "status" in [one.get("role") for _, one in shown.elements]
    made = world.traces() - before
    assert {(actor, source) for _, _, actor, source in made} == {(f"user:{world.operator.id}", "admin")}


@pytest.mark.parametrize("route", ACTIONS, ids=name_of)
def test_an_action_without_the_token_of_a_page_is_refused(route: AdminRoute) -> None:
    world = world_for(route)
    target, fields = prepare(route, world)
    browser = world.signed_in()
    other = csrf_in(world.signed_in().get("/admin/users"))
    before = world.traces()
    for answer in (
        submit_without_token(browser, target, **fields),
        browser.submit(target, {**fields, "csrf": other}),
        browser.post(target, **fields),
    ):
        assert answer.status in {403, 415}
    assert world.traces() == before


@pytest.mark.parametrize("route", [one for one in READ if "{user_id}" in one.path], ids=name_of)
def test_an_unknown_user_is_a_page_that_says_so(route: AdminRoute) -> None:
    browser = World().signed_in()
    for unknown in ("7", "ann", "9" * 30):
        answer = browser.get("/admin" + route.path.format(user_id=unknown))
        assert answer.status == 404, unknown
        assert [*problems_of(Page(answer.body))] == []
