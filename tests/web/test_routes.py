"""The ready routes, over the protocols and over each framework."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

import usercore
from tests.web.applications import APPLICATIONS, Application, on_asgi, on_wsgi
from tests.web.browser import Answer, Browser, by_wsgi
from usercore import Email, Host, Links, MailPolicy, Policy, UserCore, aio
from usercore.testing import FakeClock, FakeHasher, MemoryMailer
from usercore_storage import memory
from usercore_web import Request, Response, SecretCookie, Site, TenantHosts, TrustedProxies
from usercore_web.routes import ROUTES
from usercore_web.routing import Call, Route, Router

ANN = "ann@example.com"
PASSWORD = "correct horse battery staple"
BASE = "https://shop.example.com"
LINKS = Links(
    sign_in=f"{BASE}/login",
    registration=f"{BASE}/register/complete?secret={{secret}}",
    reset=f"{BASE}/password/reset?secret={{secret}}",
    confirmation=f"{BASE}/email/confirm?secret={{secret}}",
    email_change=f"{BASE}/email/confirm-change?secret={{secret}}",
    undo=f"{BASE}/email/undo-change?secret={{secret}}",
)


class Shop:
    """A core with its mails, and the routes over it."""

    def __init__(self, on: Application = on_wsgi, **site: Any) -> None:
        self.mailer = MemoryMailer()
        self.clock = FakeClock()
        policy = Policy(mail=MailPolicy(links=LINKS))
        host = Host(hasher=FakeHasher(), mailer=self.mailer, policy=policy, clock=self.clock)
        self.core = UserCore.over(memory.open_storage("memory://"), host)
        self._open = ExitStack()
        self._open.callback(self.core.close)
        self.send = self._open.enter_context(on(self.core, Site(**site)))

    def close(self) -> None:
        self._open.close()

    def browser(self, **where: str) -> Browser:
        return Browser(self.send, **where)

    def ann(self) -> Browser:
        """Return the browser of a new user who is signed in."""
        self.core.registration.register(ANN, password=PASSWORD)
        browser = self.browser()
        assert browser.post("/login", login=ANN, password=PASSWORD).status == 200
        return browser

    def link(self, kind: str) -> str:
        """Deliver, and return the target of the link in the newest mail of a kind."""
        self.core.outbox.deliver()
        text = [mail for mail in self.mailer.sent if mail.kind == kind][-1].text
        return str(re.findall(rf"{re.escape(BASE)}(\S+)", text)[-1])


@pytest.fixture(params=APPLICATIONS.values(), ids=list(APPLICATIONS))
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    with closing(Shop(request.param)) as shop:
        yield shop


def hidden_in(page: Answer) -> dict[str, str]:
    """Return the hidden fields of the form on a page."""
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.body.decode())
    return {name: unescape(value) for name, value in fields}


def code_of(answer: Answer) -> str:
    return str(answer.json["code"])


def test_every_route_names_a_call_that_exists() -> None:
    with usercore.open("memory://") as core:
        for route in ROUTES:
            service, method = route.use_case.split(".")
            assert callable(getattr(getattr(core, service), method)), route
    assert {route.path for route in ROUTES if route.hashes} == {
        "/login",
        "/register",
        "/register/complete",
        "/password/change",
        "/password/reset",
        "/email/request-change",
    }
    assert {route.use_case for route in ROUTES if route.hashes} <= aio.HASHING


def test_routes_that_mail_are_not_there_without_a_mailer() -> None:
    with usercore.open("memory://") as core:
        router = Router(core, ROUTES)
        for route in ROUTES:
            headers = {"content-type": "application/json"}
            answer = router.respond(Request(method=route.method, path=route.path, headers=headers, body=b"{}"))
            assert (answer.status == 404) == route.needs_mailer, route


def test_a_link_without_its_secret_is_answered_by_a_page_that_says_so(shop: Shop) -> None:
    for target in ("/password/reset", "/password/reset?secret="):
        page = shop.browser().get(target)
        assert (page.status, page.header("content-type")) == (422, "text/html; charset=utf-8")
        assert b"<form" not in page.body


def test_a_user_registers_and_is_signed_in(shop: Shop) -> None:
    browser = shop.browser()
    answer = browser.post("/register", email=ANN, password=PASSWORD, first_name="Ann")
    assert (answer.status, answer.json["user"]["first_name"]) == (201, "Ann")
    assert "access_token" not in answer.json
    assert browser.get("/me").json["user"]["email"] == ANN
    shop.clock.advance(timedelta(hours=1))
    assert code_of(browser.post("/register", email=ANN, password=PASSWORD)) == "users.taken"


def test_an_unclaimed_user_registers_by_the_link_only(shop: Shop) -> None:
    una = shop.core.registration.register(ANN, unclaimed=True, note="ordered by phone").user
    browser = shop.browser()
    shop.clock.advance(timedelta(hours=1))
    assert code_of(browser.post("/register", email=ANN, password=PASSWORD)) == "users.taken"
    assert browser.get("/me").status == 401
    shop.clock.advance(timedelta(hours=1))
    assert browser.post("/register/request", email=ANN).status == 202
    secret = shop.link("registration").partition("secret=")[2]
    answer = browser.post("/register/complete", secret=secret, password=PASSWORD)
    assert (answer.status, answer.json["user"]["id"]) == (201, una.id)


def test_a_field_that_the_route_does_not_take_is_refused(shop: Shop) -> None:
    answer = shop.browser().post("/register", email=ANN, password=PASSWORD, note="me", validate_email=False)
    assert [fault["field"] for fault in answer.json["fields"]["errors"]] == ["note", "validate_email"]


def test_a_user_signs_in_and_out(shop: Shop) -> None:
    browser = shop.ann()
    session = dict(browser.cookies)
    assert browser.get("/me").json["user"]["email"] == ANN
    assert browser.post("/logout").status == 200
    assert browser.cookies == {}
    assert code_of(browser.get("/me")) == "tokens.missing"
    browser.cookies |= session
    assert code_of(browser.get("/me")) == "tokens.revoked"
    assert browser.post("/logout").status == 200


def test_a_sign_in_ends_the_session_that_the_browser_had(shop: Shop) -> None:
    browser = shop.ann()
    before = dict(browser.cookies)
    assert browser.post("/login", login=ANN, password=PASSWORD).status == 200
    assert browser.cookies.keys() == before.keys()
    assert browser.cookies != before
    browser.cookies = before
    assert code_of(browser.get("/me")) == "tokens.revoked"


def test_a_session_that_an_attacker_chose_is_never_used(shop: Shop) -> None:
    attacker = shop.browser()
    assert attacker.post("/register", email="eve@example.com", password=PASSWORD).status == 201
    planted = dict(attacker.cookies)
    shop.core.registration.register(ANN, password=PASSWORD)
    victim = shop.browser()
    victim.cookies |= planted
    assert victim.post("/login", login=ANN, password=PASSWORD).status == 200
    assert victim.get("/me").json["user"]["email"] == ANN
    assert code_of(attacker.get("/me")) == "tokens.revoked"


def test_the_session_of_a_sign_in_is_paired_with_the_device_that_it_names(shop: Shop) -> None:
    phone = shop.core.device_tokens.issue("phone")
    browser = shop.browser()
    new = {"email": ANN, "password": PASSWORD, "device_token": phone.reveal()}
    assert browser.post("/register", **new).status == 201
    (ann,) = shop.core.device_tokens.users(phone)
    link = shop.core.login_tokens.issue(ann.id).reveal()
    for target, fields in (("/login", {"login": ANN, "password": PASSWORD}), ("/login/link", {"secret": link})):
        assert browser.post("/logout").status == 200
        assert shop.core.device_tokens.users(phone) == ()
        assert browser.post(target, **fields, device_token=phone.reveal()).status == 200
        assert [user.id for user in shop.core.device_tokens.users(phone)] == [ann.id]


def test_a_program_uses_a_bearer_token_from_any_origin(shop: Shop) -> None:
    token = shop.core.sign_in.trusted(shop.core.registration.register(ANN).user.id).access_token.reveal()
    program = shop.browser()
    headers = {"authorization": f"Bearer {token}", "origin": "https://other.example", "sec-fetch-site": "cross-site"}
    assert program.request("GET", "/me", headers).json["user"]["email"] == ANN
    assert program.request("POST", "/logout", headers).status == 200
    assert program.request("GET", "/me", headers).status == 401


def test_a_wrong_password_and_an_unknown_login_are_answered_alike(shop: Shop) -> None:
    shop.core.registration.register(ANN, password=PASSWORD)
    wrong = shop.browser().post("/login", login=ANN, password="wrong horse battery staple")
    unknown = shop.browser().post("/login", login="eve@example.com", password="wrong horse battery staple")
    assert (wrong.status, wrong.headers, wrong.body) == (unknown.status, unknown.headers, unknown.body)


def test_with_a_device_token_a_wrong_password_and_an_unknown_login_are_answered_alike(shop: Shop) -> None:
    shop.core.registration.register(ANN, password=PASSWORD)
    wrong = "wrong horse battery staple"
    devices = [shop.core.device_tokens.issue("phone").reveal(), "unknown", ""]
    tries = [(ANN, wrong), ("eve@example.com", wrong), ("eve@example.com", PASSWORD)]
    answers = [
        shop.browser().post("/login", login=login, password=password, device_token=device)
        for device in devices
        for login, password in [*tries, *([(ANN, PASSWORD)] if device in devices[1:] else [])]
    ]
    assert len({(answer.status, tuple(answer.headers), answer.body) for answer in answers}) == 1
    assert answers[0].status == 401


def test_a_registration_with_an_unknown_device_token_tells_nothing_of_emails(shop: Shop) -> None:
    shop.core.registration.register(ANN, password=PASSWORD)
    for email in (ANN, "eve@example.com"):
        answer = shop.browser().post("/register", email=email, password=PASSWORD, device_token="unknown")
        assert (answer.status, code_of(answer)) == (422, "tokens.device_unknown")


@pytest.mark.parametrize(
    ("target", "known", "unknown"),
    [
        ("/password/request-reset", {"login": ANN}, {"login": "eve@example.com"}),
        ("/register/request", {"email": ANN}, {"email": "eve@example.com"}),
    ],
)
def test_a_request_for_a_link_is_answered_alike(shop: Shop, target: str, known: Any, unknown: Any) -> None:
    shop.core.registration.register(ANN, password=PASSWORD)
    first, second = shop.browser().post(target, **known), shop.browser().post(target, **unknown)
    assert (first.status, first.headers, first.body) == (second.status, second.headers, second.body)
    assert first.status == 202


def test_attempts_are_counted_for_the_client_and_a_wait_is_told(shop: Shop) -> None:
    browser = shop.browser()
    answers = [browser.post("/login", login=ANN, password="wrong horse battery staple") for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * 10 + [429]
    assert answers[-1].header("Retry-After") == str(answers[-1].json["fields"]["retry_after"])
    attempt = shop.core.history.attempts().rows[0]
    assert attempt.user_agent == "a browser"


def test_the_address_of_the_client_is_that_of_a_stated_proxy_only() -> None:
    shop = Shop(proxies=TrustedProxies(networks=["10.0.0.1"]))
    body = b'{"login": "x", "password": "y"}'
    for peer in ("10.0.0.1", "192.0.2.1"):
        headers = {"content-type": "application/json", "x-forwarded-for": "198.51.100.9"}
        shop.browser(peer=peer).request("POST", "/login", headers, body)
    assert [attempt.ip for attempt in shop.core.history.attempts().rows] == ["192.0.2.1", "198.51.100.9"]


def test_sessions_are_listed_and_the_present_one_is_marked(shop: Shop) -> None:
    here, there = shop.ann(), shop.browser()
    there.post("/login", login=ANN, password=PASSWORD)
    rows = here.get("/sessions").json["rows"]
    assert sorted(row["current"] for row in rows) == [False, True]
    assert len(here.get("/sessions?limit=1").json["rows"]) == 1
    assert here.get("/sessions?limit=x").status == 422
    (other,) = [row["public_id"] for row in rows if not row["current"]]
    assert here.request("DELETE", f"/sessions/{other}").status == 200
    assert there.get("/me").status == 401
    assert here.request("DELETE", f"/sessions/{other}x").status == 404
    (own,) = [row["public_id"] for row in rows if row["current"]]
    assert here.request("DELETE", f"/sessions/{own}").status == 200
    assert here.cookies == {}


def test_all_other_sessions_are_ended(shop: Shop) -> None:
    here, there = shop.ann(), shop.browser()
    there.post("/login", login=ANN, password=PASSWORD)
    assert here.request("DELETE", "/sessions").status == 200
    assert (here.get("/me").status, there.get("/me").status) == (200, 401)


def test_the_session_of_another_user_is_not_found(shop: Shop) -> None:
    ann, eve = shop.ann(), shop.browser()
    eve.post("/register", email="eve@example.com", password=PASSWORD)
    (row,) = ann.get("/sessions").json["rows"]
    assert eve.request("DELETE", f"/sessions/{row['public_id']}").status == 404
    assert ann.get("/me").status == 200


LINKED = [
    ("registration", "/register/request", {"email": "bob@example.com"}, {"password": PASSWORD}),
    ("password_reset", "/password/request-reset", {"login": ANN}, {"password": "another horse battery staple"}),
    ("confirmation", "/email/send-confirmation", {}, {}),
    ("email_change", "/email/request-change", {"email": "new@example.com", "password": PASSWORD}, {}),
]


@pytest.mark.parametrize(("kind", "target", "fields", "more"), LINKED, ids=[kind for kind, *_ in LINKED])
def test_a_link_is_opened_any_number_of_times_and_redeemed_once(
    shop: Shop, kind: str, target: str, fields: Any, more: dict[str, str]
) -> None:
    browser = shop.ann()
    assert browser.post(target, **fields).status == 202
    link = shop.link(kind)
    reader = shop.browser()
    scanned = shop.browser()
    assert [scanned.get(link).status, scanned.request("HEAD", link).status, reader.get(link).status] == [200] * 3
    page = reader.get(link)
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    answer = reader.submit(link, {**hidden_in(page), **more})
    assert answer.status in {200, 201}, answer.body
    again = reader.submit(link, {**hidden_in(reader.get(link)), **more})
    assert again.status in {401, 409, 422}
    assert again.header("Content-Type") == "text/html; charset=utf-8"


def test_a_change_of_the_email_needs_the_password_and_is_undone_by_the_old_address(shop: Shop) -> None:
    browser = shop.ann()
    shop.core.emails.set_verified(Email(ANN), verified=True)
    refused = browser.post("/email/request-change", email="new@example.com", password="wrong horse battery staple")
    assert (refused.status, code_of(refused)) == (401, "sign_in.refused")
    assert browser.post("/email/request-change", email="new@example.com").status == 401
    assert browser.post("/email/request-change", email="new@example.com", password=PASSWORD).status == 202
    page = browser.get(shop.link("email_change"))
    assert browser.submit("/email/confirm-change", hidden_in(page)).status == 200
    undo = browser.get(shop.link("email_changed_undo"))
    assert browser.submit("/email/undo-change", hidden_in(undo)).status == 200
    assert shop.core.users.find(Email(ANN)) is not None


def test_a_user_without_a_password_changes_the_email_without_one(shop: Shop) -> None:
    user = shop.core.registration.register_external(ANN, external_id="k-1").user
    assert not shop.core.users.status(user.id).password_set
    browser = shop.browser()
    browser.cookies["__Host-session"] = shop.core.sign_in.trusted(user.id).access_token.reveal()
    assert browser.post("/email/request-change", email="new@example.com").status == 202


def test_a_password_is_changed_by_the_user_who_knows_it(shop: Shop) -> None:
    browser = shop.ann()
    new = "another horse battery staple"
    assert browser.post("/password/change", old_password="wrong", new_password=new).status in {401, 422}
    assert browser.post("/password/change", old_password=PASSWORD, new_password=new).json == {"changed": True}
    assert browser.post("/login", login=ANN, password=new).status == 200
    assert shop.browser().post("/password/change", old_password=new, new_password=PASSWORD).status == 401


def test_a_form_without_its_token_or_with_that_of_another_browser_is_refused(shop: Shop) -> None:
    shop.ann().post("/password/request-reset", login=ANN)
    link = shop.link("password_reset")
    browser, other = shop.browser(), shop.browser()
    fields = {**hidden_in(browser.get(link)), "password": "another horse battery staple"}
    foreign = {**hidden_in(other.get(link)), "password": "another horse battery staple"}
    assert browser.submit(link, foreign).status == 403
    assert browser.submit(link, {name: value for name, value in fields.items() if name != "csrf"}).status == 403
    browser.cookies.clear()
    assert browser.submit(link, fields).status == 403
    assert other.submit(link, foreign).status == 200


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_a_page_of_another_origin_changes_nothing(shop: Shop, headers: dict[str, str]) -> None:
    browser = shop.ann()
    for method, target in (("POST", "/logout"), ("DELETE", "/sessions"), ("POST", "/email/send-confirmation")):
        answer = browser.request(method, target, headers)
        assert (answer.status, code_of(answer)) == (403, "request.cross_origin")
    assert browser.request("GET", "/me", headers).status == 200


def test_of_two_cookies_of_one_name_none_is_taken(shop: Shop) -> None:
    browser = shop.ann()
    (pair,) = browser.cookies.items()
    cookie = f"{pair[0]}=another; {pair[0]}={pair[1]}"
    assert browser.get("/me", cookie=cookie).status == 401


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"[]", {"content-type": "application/json"}, 422),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"{}", {"content-type": "multipart/form-data; boundary=x"}, 415),
        (b'"' + b"x" * 70_000 + b'"', {"content-type": "application/json"}, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(shop: Shop, body: bytes, headers: dict[str, str], status: int) -> None:
    assert shop.browser().request("POST", "/login", headers, body).status == status


def test_an_unknown_path_and_a_wrong_method_are_told_apart(shop: Shop) -> None:
    browser = shop.browser()
    assert browser.get("/nothing").status == 404
    wrong = browser.get("/logout")
    assert (wrong.status, wrong.header("Allow")) == (405, "POST")
    assert browser.request("DELETE", "/sessions/a/b").status == 404


@pytest.mark.parametrize("on", [on_wsgi, on_asgi])
def test_a_path_has_one_spelling_only(on: Application) -> None:
    with closing(Shop(on)) as shop:
        assert [shop.browser().get(path).status for path in ("//me", "/me/", "/ME", "/%6de")] == [404] * 4


def test_no_response_is_stored_or_tells_another_site_its_address(shop: Shop) -> None:
    browser = shop.ann()
    for target in ("/me", "/nothing", "/sessions", "/password/reset?secret=x"):
        answer = browser.get(target)
        assert answer.header("Cache-Control") == "no-store"
        assert answer.header("Referrer-Policy") == "same-origin"
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Content-Length") == str(len(answer.body))


def test_a_page_shows_what_the_address_holds_as_text_only(shop: Shop) -> None:
    page = shop.browser().get('/password/reset?secret="><script>alert(1)</script>')
    assert b"<script" not in page.body
    assert hidden_in(page)["secret"] == '"><script>alert(1)</script>'
    policy = page.header("Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_each_tenant_is_served_at_its_host() -> None:
    shop = Shop(hosts=TenantHosts({"shop.example.com": "main", "*.example.com": None}))
    shop.core.tenant("system").tenants.create("acme", name="Acme")
    ann = shop.ann()
    ann.host = "acme.example.com"
    assert ann.get("/me").status == 401
    assert shop.browser(host="acme.example.com").post("/login", login=ANN, password=PASSWORD).status == 401
    assert shop.browser(host="other.example.com").get("/me").status == 404
    assert shop.browser(host="evil.example").get("/me").status == 421


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [({"*.example.com": None}, "system.example.com", 421), ({"ops.example.com": "system"}, "ops.example.com", 403)],
)
def test_no_visitor_becomes_an_admin(hosts: dict[str, str | None], host: str, status: int) -> None:
    shop = Shop(hosts=TenantHosts(hosts))
    for target in ("/register", "/register/request"):
        refused = shop.browser(host=host).post(
            target, email=ANN, **({"password": PASSWORD} if target == "/register" else {})
        )
        assert refused.status == status
    assert not shop.core.tenant("system").users.list()


def test_a_route_is_replaced_and_others_stay() -> None:
    core = usercore.open("memory://")

    def own(call: Call) -> Response:
        return call.answer({"method": call.request.method})

    router = Router(core, [*ROUTES, Route("GET", "/me", "sign_in.identify", own)], prefix="/account")
    browser = Browser(by_wsgi(router))
    assert browser.get("/account/me").json == {"method": "GET"}
    assert browser.post("/account/logout").status == 200
    core.close()


def test_a_cookie_without_tls_has_another_name() -> None:
    shop = Shop(session_cookie=SecretCookie(name="session", secure=False))
    assert shop.ann().cookies.keys() == {"session"}
