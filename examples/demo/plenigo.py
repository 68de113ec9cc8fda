"""plenigo: external user management, with the sample data of its document.

Users register and sign in at the host, which tells usercore about them. The company is a tenant of its own.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from examples.demo.setting import Demo
from usercore import AccessId, AnyId, Email, ExternalId, UserCore

COMPANY: Final = "12NuCmdZUTRRkQiCqP2Q"
PRODUCT: Final = "EgLUrT56328991046641"
CUSTOMER: Final = ExternalId("A1BKAFZZ3H0H")


def play(demo: Demo) -> Iterator[str]:
    """Play each section of the document."""
    yield "== plenigo: external user management =="
    demo.core.tenant("system").tenants.create(COMPANY, "The company", language="en")
    company = Demo(demo.core.tenant(COMPANY), demo.clock, demo.mails)
    yield from _authorize(company)
    yield from _register(company)
    yield from _create_login_tokens(company)
    yield from _change_emails(company)
    yield from _give_access_ids(company)
    yield from _add_external_ids(company)


def _authorize(demo: Demo) -> Iterator[str]:
    """Issue a secret for the host, which may do what it was granted."""
    tokens = demo.core.api_tokens
    issued = tokens.issue("the host")
    yield demo.refused(
        "the host's secret before anything was granted", lambda: tokens.authorize(issued.secret, "users.register")
    )
    tokens.grant(issued.token.public_id, ["users.register"])
    granted = tokens.authorize(issued.secret, "users.register")
    yield f"the secret of {granted.name} may use {', '.join(granted.resources)}"


def _register(demo: Demo) -> Iterator[str]:
    """Register an external user, and again."""
    register = demo.core.registration.register_external
    new = register("testAddNewUser@mail.com", language="en", external_id="A1BKAFZZ3H0H", first_name="new", name="user")
    user = new.user
    yield f"registered {user.email} as {user.external_id}: {user.full_name}, language {user.language}"
    yield f"signed in by that: {new.access_token is not None}"
    yield demo.refused("the same email at once", lambda: register("testAddNewUser@mail.com"))
    demo.wait()
    again = register("TESTADDNEWUSER@mail.com", first_name="other")
    unchanged = (again.user.id, again.user.version) == (user.id, user.version)
    yield f"the same email five seconds later: the same user, unchanged: {unchanged}, created: {again.created}"
    demo.wait()
    yield demo.refused(
        "the same email, to fail by an existing one",
        lambda: register("testAddNewUser@mail.com", fail_by_existing_email=True),
    )
    yield demo.refused(
        "another email with the same external id", lambda: register("x@mail.com", external_id="A1BKAFZZ3H0H")
    )
    register("reset@mail.com", with_password_reset=True)
    yield f"with a password reset, a password is mailed: {'password: ' in demo.mail('welcome_password')}"


def _create_login_tokens(demo: Demo) -> Iterator[str]:
    """Register a customer, and sign them in for a checkout by a login token, by their id and by the host's own."""
    core = demo.core
    customer = core.registration.register_external(
        "test@mail.com", language="en", external_id="12345", first_name="new", name="customer"
    ).user
    for what, ref in (("the customer id", customer.id), ("the external id", ExternalId("12345"))):
        secret = core.login_tokens.issue(ref)
        signed_in = core.sign_in.with_login_token(secret)
        yield f"login token by {what}: {signed_in.user.full_name} is signed in by {signed_in.authenticator}"
    yield demo.refused("the login token again", lambda: core.sign_in.with_login_token(secret), customer.id)
    late = core.login_tokens.issue(customer.id)
    demo.wait(timedelta(minutes=5))
    yield demo.refused("a login token after five minutes", lambda: core.sign_in.with_login_token(late), customer.id)
    yield demo.refused("a login token for an unknown id", lambda: core.login_tokens.issue(ExternalId("56202510")))


def _change_emails(demo: Demo) -> Iterator[str]:
    """Change the email of a user, as the user or a support agent did at the host."""
    emails = demo.core.emails
    yield f"email changed to {emails.change(CUSTOMER, 'testChangeEMail@mail.com').email}"
    yield f"the former email is unknown: {demo.core.users.find(Email('testAddNewUser@mail.com')) is None}"
    user = demo.core.users.get(CUSTOMER)
    again = emails.change(user.id, "testChangeEMail@mail.com")
    yield f"the same by the customer id changes nothing: {again.version == user.version}"
    yield demo.refused("another user's email", lambda: emails.change(CUSTOMER, "test@mail.com"))
    yield demo.refused("what is no email", lambda: emails.change(CUSTOMER, "test@mail"))


def _give_access_ids(demo: Demo) -> Iterator[str]:
    """Set access ids of a customer, and check their access to a product by any of them."""
    core = demo.core
    yield demo.refused("an access id that another user has", lambda: core.users.set_access_ids(CUSTOMER, ["12345"]))
    user = core.users.set_access_ids(CUSTOMER, ["BILLING-1", "CRM-7", "B2", "0042"])
    yield f"access ids: {', '.join(one or '-' for one in user.access_ids)}"
    yield f"found by access id: {core.users.get(AccessId('CRM-7')).email}"
    core.products.grant(CUSTOMER, [PRODUCT])
    for any_id in ("A1BKAFZZ3H0H", "BILLING-1", "0042"):
        yield f"{any_id} has access to {PRODUCT}: {core.products.has_access(AnyId(any_id), [PRODUCT])}"
    yield f"12345 has access to {PRODUCT}: {core.products.has_access(AnyId('12345'), [PRODUCT])}"
    user = core.users.set_access_ids(CUSTOMER, {2: None, 4: "42"})
    yield f"after emptying slot 2 and replacing slot 4: {', '.join(one or '-' for one in user.access_ids)}"
    yield demo.refused("a text for access ids", lambda: core.users.set_access_ids(CUSTOMER, "12345"))
    yield demo.refused("five access ids", lambda: core.users.set_access_ids(CUSTOMER, list("abcde")))


def _add_external_ids(demo: Demo) -> Iterator[str]:
    """Add an external id to a user who has none."""
    core: UserCore = demo.core
    plain = core.registration.register_external("second@mail.com").user
    yield demo.refused("an external id that another user has", lambda: core.users.link_external_id(plain.id, "12345"))
    linked = core.users.link_external_id(plain.id, "56202510")
    yield f"external id added: {linked.external_id}"
    yield f"the same again changes nothing: {core.users.link_external_id(plain.id, 56202510).version == linked.version}"
    yield demo.refused("another one", lambda: core.users.link_external_id(plain.id, "56202511"))
