"""An admin page over a core with fakes, and the people who use it."""

import re
from typing import Any
from urllib.parse import urlencode

from tests.fixtures import FACTORS, RELYING_PARTY
from tests.web.browser import FORM, Answer, Browser, by_wsgi
from usercore import Entry, Host, PasskeyPolicy, Policy, Subscriber, User, UserCore
from usercore.storage import KINDS, Storage
from usercore.testing import FakeClock, FakeHasher
from usercore_storage import memory
from usercore_web.admin import admin_router

PASSWORD = "correct horse battery staple"
OPERATOR = "operator@example.com"
POLICY = Policy(second_factors=FACTORS, passkeys=PasskeyPolicy(relying_party=RELYING_PARTY))
SESSION = "__Secure-admin-session"


class World:
    """A core with an operator, a user, and the admin page."""

    def __init__(
        self,
        *,
        host: Host | None = None,
        by: Any = by_wsgi,
        admin: bool = False,
        storage: Storage | None = None,
        **options: Any,
    ) -> None:
        """Make the world of an ordinary tenant, or for an ``admin`` that of the operators."""
        self.clock = FakeClock()
        self.entries: list[Entry] = []
        self.core = UserCore.over(storage or memory.open_storage("memory://"), host or self._host())
        if admin:
            self.core = self.core.tenant("system")
        self.operator = self.register(OPERATOR)
        if not admin:
            self.core.roles.create("Operators", privileged=True, permissions=["users.manage"])
            self.core.roles.give(self.operator.id, "Operators")
        self.user = self.register("ann@example.com", first_name="Ann")
        self.bystander = self.register("bob@example.com", first_name="Bob")
        self.router = admin_router(self.core, **options)
        self._send = by(self.router)

    def _host(self) -> Host:
        """Return a host that observes all changes."""
        kinds = {kind.name for kind in KINDS.values() if kind.public}
        observer = Subscriber(
            name="test", kinds=kinds, handle=lambda event: self.entries.append(event.entry), durable=False
        )
        return Host(hasher=FakeHasher(), clock=self.clock, policy=POLICY, subscribers=[observer])

    def traces(self) -> set[tuple[str, int, str, str | None]]:
        """Return all changes, and all that was logged: the kind, the number, the actor and the source."""
        changes = {(one.kind, one.change_no, one.actor, one.source) for one in self.entries}
        return changes | {(one.action, one.id, one.actor, one.source) for one in self.core.history.actions()}

    def register(self, email: str, **fields: Any) -> User:
        return self.core.registration.register(email, password=PASSWORD, send_email=False, **fields).user

    def browser(self) -> Browser:
        return Browser(self._send)

    def signed_in(self, login: str = OPERATOR) -> Browser:
        """Return the browser of an operator who has signed in."""
        browser = self.browser()
        assert sign_in(browser, login).status == 303
        return browser

    def browser_of(self, user: User) -> Browser:
        """Return a browser with a valid session of any user, as if the page had let the user in."""
        browser = self.browser()
        browser.cookies[SESSION] = self.core.sign_in.trusted(user.id, allow_privileged=True).access_token.reveal()
        return browser


def sign_in(browser: Browser, login: str, password: str = PASSWORD, **fields: str) -> Answer:
    """Send the form of the sign-in page."""
    page = browser.get("/admin/sign-in")
    return browser.submit(
        "/admin/sign-in", {"csrf": csrf_in(page), "next": "", "login": login, "password": password, **fields}
    )


def csrf_in(page: Answer) -> str:
    """Return the CSRF token of the forms on a page."""
    return str(re.findall(r'name="csrf" value="([^"]+)"', page.body.decode())[0])


def submit(browser: Browser, target: str, **fields: str) -> Answer:
    """Send a form of a page to a path."""
    return browser.submit(target, {"csrf": csrf_in(browser.get("/admin/users")), **fields})


def submit_without_token(browser: Browser, target: str, **fields: str) -> Answer:
    """Send a form that no page of the admin made."""
    headers = {"content-type": FORM, "sec-fetch-site": "same-origin"}
    return browser.request("POST", target, headers, urlencode(fields).encode())
