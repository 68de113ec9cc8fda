"""Signing in to the admin page, and who may."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from tests.admin.markup import Page, problems_of
from tests.admin.world import OPERATOR, PASSWORD, SESSION, World, csrf_in, sign_in, submit, submit_without_token
from tests.fixtures import FACTORS
from tests.web.browser import FORM, Browser, by_asgi, by_wsgi
from usercore import Host, Policy, SecondFactorPolicy, TokenInvalid, Unavailable
from usercore.testing import FakeClock, FakeHasher, FaultyStorage
from usercore_storage import memory
from usercore_web import SecretCookie, Site
from usercore_web.admin import admin_router

WRONG = "wrong horse battery staple"


def test_an_operator_signs_in_and_gets_to_the_page_that_was_asked_for() -> None:
    world = World()
    browser = world.browser()
    asked = browser.get("/admin/users?q=ann")
    assert (asked.status, asked.header("Location")) == (303, "/admin/sign-in?next=%2Fadmin%2Fusers%3Fq%3Dann")
    assert sign_in(browser, OPERATOR, next="/admin/users?q=ann").header("Location") == "/admin/users?q=ann"
    assert browser.get("/admin/users?q=ann").status == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "", "/\\evil.example"])
def test_a_sign_in_leads_to_no_other_site(target: str) -> None:
    assert sign_in(World().browser(), OPERATOR, next=target).header("Location") == "/admin/"


def test_the_session_is_an_access_token_in_a_cookie_of_the_page_only() -> None:
    world = World()
    browser = world.browser()
    cookie = sign_in(browser, OPERATOR).header("Set-Cookie") or ""
    assert cookie.startswith(f"{SESSION}=uca_")
    assert cookie.endswith("; Path=/admin; Secure; HttpOnly; SameSite=Lax")
    (token,) = world.core.access_tokens.list(world.operator.id)
    assert (token.source, token.authenticator) == ("admin", "password")


def test_an_unknown_login_and_a_wrong_password_are_answered_alike() -> None:
    world = World()
    browser = world.browser()
    answers = [sign_in(browser, OPERATOR, WRONG), sign_in(browser, "eve@example.com", WRONG)]
    pages = [re.sub(r'name="csrf" value="[^"]+"', "", answer.body.decode()) for answer in answers]
    assert [answer.status for answer in answers] == [401, 401]
    assert pages[0] == pages[1]
    assert "wrong" in Page(answers[0].body).text


def test_too_many_attempts_must_wait() -> None:
    world = World()
    answers = [sign_in(world.browser(), OPERATOR, WRONG) for _ in range(11)]
    assert answers[-1].status == 429
    assert answers[-1].header("Retry-After")


def test_a_user_without_a_privileged_role_is_refused_and_gets_no_session() -> None:
    world = World()
    world.core.roles.create("Readers", permissions=["users.read"])
    world.core.roles.give(world.user.id, "Readers")
    browser = world.browser()
    refused = sign_in(browser, "ann@example.com")
    assert refused.status == 403
    assert [*problems_of(Page(refused.body))] == []
    assert SESSION not in browser.cookies
    assert not world.core.access_tokens.list(world.user.id)


def test_an_inactive_privileged_role_lets_no_one_in() -> None:
    world = World()
    world.core.roles.create("Retired", privileged=True, active=False)
    world.core.roles.create("Readers")
    for role in ("Retired", "Readers"):
        world.core.roles.give(world.user.id, role)
    assert sign_in(world.browser(), "ann@example.com").status == 403


def test_a_permission_narrows_who_may_use_the_page() -> None:
    assert sign_in(World(permission="users.manage").browser(), OPERATOR).status == 303
    assert sign_in(World(permission="users.Manage").browser(), OPERATOR).status == 403


def test_who_loses_the_role_is_refused_from_the_next_request_on() -> None:
    world = World()
    browser = world.signed_in()
    world.core.roles.update("Operators", privileged=False)
    assert browser.get("/admin/users").status == 403


def test_a_sign_in_ends_the_session_that_the_browser_had() -> None:
    world = World()
    browser = world.signed_in()
    before = browser.cookies[SESSION]
    assert sign_in(browser, OPERATOR).status == 303
    assert browser.cookies[SESSION] != before
    with pytest.raises(TokenInvalid):
        world.core.sign_in.identify(before)


def test_signing_out_revokes_the_session() -> None:
    world = World()
    browser = world.signed_in()
    secret = browser.cookies[SESSION]
    assert submit(browser, "/admin/sign-out").header("Location") == "/admin/sign-in"
    assert SESSION not in browser.cookies
    with pytest.raises(TokenInvalid):
        world.core.sign_in.identify(secret)


def test_a_bearer_token_that_a_proxy_adds_is_not_read() -> None:
    world = World()
    browser = world.signed_in()
    secret = browser.cookies[SESSION]
    body = urlencode({"csrf": csrf_in(browser.get("/admin/users"))}).encode()
    by_proxy = {"content-type": FORM, "authorization": "Bearer of-the-proxy"}
    foreign = browser.request("POST", "/admin/sign-out", {**by_proxy, "sec-fetch-site": "same-site"}, body)
    assert (foreign.status, SESSION in browser.cookies) == (403, True)
    browser.request("POST", "/admin/sign-out", {**by_proxy, "sec-fetch-site": "same-origin"}, body)
    with pytest.raises(TokenInvalid):
        world.core.sign_in.identify(secret)


def test_no_other_page_can_sign_an_operator_out() -> None:
    browser = World().signed_in()
    assert submit_without_token(browser, "/admin/sign-out").status == 403
    assert SESSION in browser.cookies


def test_only_operators_learn_why_the_store_does_not_answer() -> None:
    storage = FaultyStorage(memory.open_storage("memory://"))
    world = World(storage=storage)
    operator, visitor = world.signed_in(), world.browser()
    fields = {"csrf": csrf_in(visitor.get("/admin/sign-in")), "login": OPERATOR, "password": PASSWORD}
    down = Unavailable("the server at db.internal does not answer")
    with storage.failing(1, down):
        seen = visitor.submit("/admin/sign-in", fields)
    assert (seen.status, b"db.internal" in seen.body) == (503, False)
    with storage.failing(storage.calls_of(lambda: operator.get("/admin/users")), down):
        shown = operator.get("/admin/users")
    assert (shown.status, b"db.internal" in shown.body) == (503, True)


def test_a_form_without_the_token_of_the_sign_in_page_is_refused() -> None:
    browser = World().browser()
    browser.get("/admin/sign-in")
    refused = browser.submit("/admin/sign-in", {"csrf": "", "login": OPERATOR, "password": PASSWORD})
    assert refused.status == 403
    assert "request.csrf_token_wrong" in Page(refused.body).text


def test_a_user_with_a_second_factor_is_asked_for_a_code() -> None:
    clock = FakeClock()
    world = World(host=Host(hasher=FakeHasher(), clock=clock, policy=Policy(second_factors=FACTORS)))
    enrollment = world.core.second_factors.begin(world.operator.id)
    totp = pyotp.TOTP(enrollment.secret.reveal())
    world.core.second_factors.confirm(world.operator.id, totp.at(clock()))
    clock.advance(timedelta(minutes=1))
    browser = world.browser()
    asked = sign_in(browser, OPERATOR, next="/admin/users")
    assert [*problems_of(Page(asked.body))] == []
    hidden = {one["name"]: one["value"] for one in Page(asked.body).all("input") if one.get("type") == "hidden"}
    wrong = browser.submit("/admin/sign-in/code", {**hidden, "code": "000000"})
    assert (wrong.status, SESSION in browser.cookies) == (401, False)
    hidden = {one["name"]: one["value"] for one in Page(wrong.body).all("input") if one.get("type") == "hidden"}
    right = browser.submit("/admin/sign-in/code", {**hidden, "code": totp.at(clock())})
    assert (right.status, right.header("Location")) == (303, "/admin/users")
    assert browser.get("/admin/users").status == 200


def test_an_operator_who_needs_a_second_factor_enrolls_one_in_the_sign_in() -> None:
    clock = FakeClock()
    factors = SecondFactorPolicy(keys=FACTORS.keys, required_in=frozenset({"main"}))
    world = World(host=Host(hasher=FakeHasher(), clock=clock, policy=Policy(second_factors=factors)))
    browser = world.browser()
    asked = sign_in(browser, OPERATOR)
    key = re.findall(r"<code>(\w+)</code>", asked.body.decode())[0]
    hidden = {one["name"]: one["value"] for one in Page(asked.body).all("input") if one.get("type") == "hidden"}
    done = browser.submit("/admin/sign-in/code", {**hidden, "code": pyotp.TOTP(key).at(clock())})
    assert done.status == 303
    assert browser.get("/admin/users").status == 200


def test_admins_use_the_page_on_the_core_of_their_tenant() -> None:
    world = World()
    system = world.core.tenant("system")
    system.registration.register("root@example.com", password=PASSWORD, send_email=False)
    browser = Browser(by_wsgi(admin_router(system)))
    assert sign_in(browser, "root@example.com").status == 303
    assert "root@example.com" in Page(browser.get("/admin/users").body).text


def test_it_runs_by_asgi_below_another_prefix() -> None:
    world = World(by=by_asgi, prefix="/desk/")
    browser = world.browser()
    page = browser.get("/desk/sign-in")
    fields = {"csrf": csrf_in(page), "next": "", "login": OPERATOR, "password": PASSWORD}
    assert browser.submit("/desk/sign-in", fields).header("Location") == "/desk/"
    assert browser.get("/desk/users").status == 200


@pytest.mark.parametrize("by", [by_wsgi, by_asgi])
@pytest.mark.parametrize("target", ["/", "/sign-in", "/users", "/adminusers", "//admin/users"])
def test_nothing_is_answered_above_the_prefix(by: Any, target: str) -> None:
    answer = World(by=by).signed_in().get(target)
    assert (answer.status, b"request.unknown_route" in answer.body) == (404, True)


def test_without_tls_the_cookies_have_names_that_browsers_accept() -> None:
    site = Site(session_cookie=SecretCookie(name="session", secure=False))
    browser = World(site=site).browser()
    assert sign_in(browser, OPERATOR).status == 303
    assert set(browser.cookies) == {"admin-session", "admin-csrf"}


def test_the_style_is_stored_by_browsers_and_shown_to_all() -> None:
    browser = World().browser()
    (link,) = [one for one in Page(browser.get("/admin/sign-in").body).all("link") if one["rel"] == "stylesheet"]
    style = browser.get(link["href"])
    assert (style.status, style.header("Content-Type")) == (200, "text/css; charset=utf-8")
    assert style.header("Cache-Control") == "public, max-age=31536000, immutable"


def test_an_unknown_path_is_a_page_too() -> None:
    answer = World().browser().get("/admin/nothing")
    assert answer.status == 404
    assert [*problems_of(Page(answer.body))] == []
