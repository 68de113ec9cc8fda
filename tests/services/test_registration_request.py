"""A stranger asks to register: every answer is the same, and the mailed link lets them in once."""

import re
from datetime import timedelta

import pytest

from tests.services.helpers import PASSWORD, add_tenant, over, refused, register, registration_attempts
from usercore import (
    Email,
    Invalid,
    PasswordRefused,
    RegistrationStatus,
    Taken,
    TokenExpired,
    TokenInvalid,
    TokenRedeemed,
    TokenUnknown,
    UserCore,
    Vetoed,
)
from usercore.testing import TICK, FakeClock, MemoryMailer

DAY = timedelta(days=1)


def link_of(core: UserCore, mailer: MemoryMailer) -> str:
    core.outbox.deliver()
    found = re.search(r"https://example.com/join/(\S+)", mailer.sent[-1].text)
    assert found
    return found[1]


@pytest.mark.rule("R8")
def test_free_taken_and_throttled_are_answered_alike(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = register(core, "bob")
    clock.advance(timedelta(seconds=5))
    emails = ["ann@example.com", "ann@example.com", "BOB@example.com"]
    answers: list[object] = [core.registration.request(email) for email in emails]  # type: ignore[func-returns-value]  # that it gives nothing is what is tested
    assert answers == [None, None, None]
    assert [attempt.status for attempt in registration_attempts(core)] == [
        RegistrationStatus.RATE_LIMITED,
        RegistrationStatus.OK,
    ]
    assert registration_attempts(core, user)[0].status is RegistrationStatus.TAKEN_EMAIL
    core.outbox.deliver()
    assert {(mail.to, str(mail.kind)) for mail in mailer.sent} == {
        ("ann@example.com", "registration"),
        ("bob@example.com", "have_account"),
    }


@pytest.mark.rule("R8")
def test_completing_registers_a_verified_user_and_signs_in(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.request("Ann@example.com", language="sk", source="ad", referer="https://example.com/")
    registration = core.registration.complete(
        link_of(core, mailer), password=PASSWORD, username="ann", first_name="Ann", last_name="Lee"
    )
    user = core.users.get(Email("ann@example.com"))
    assert (user.email, user.username, user.full_name, user.language) == ("Ann@example.com", "ann", "Ann Lee", "sk")
    assert (user.source, user.referer) == ("ad", "https://example.com/")
    assert (user.email_verified_at, user.confirmed_at) == (user.created_at, user.created_at)
    assert registration.access_token is not None
    assert core.sign_in.identify(registration.access_token).user == user == registration.user
    assert core.sign_in.with_password("ann", PASSWORD).user.id == user.id


@pytest.mark.rule("R8")
def test_a_link_works_once(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    core.registration.complete(secret)
    with refused(core, TokenRedeemed, but=()):
        core.registration.complete(secret)


@pytest.mark.rule("R8")
def test_a_link_works_until_its_last_microsecond(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    core.registration.request("ann@example.com")
    secret, end = link_of(core, mailer), clock.now + DAY
    clock.now = end
    with refused(core, TokenExpired, but=()) as raised:
        core.registration.complete(secret)
    assert raised.value.expired_at == end
    clock.now = end - TICK
    assert core.registration.complete(secret).created


@pytest.mark.rule("R8")
def test_what_is_wrong_with_the_form_does_not_use_the_link_up(core: UserCore, mailer: MemoryMailer) -> None:
    register(core, "bob", username="bob")
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    with refused(core, PasswordRefused):
        core.registration.complete(secret, password="short")
    with refused(core, Invalid):
        core.registration.complete(secret, first_name="\0")
    for password in (None, PASSWORD):
        with refused(core, Taken):
            core.registration.complete(secret, username="Bob", password=password)
    assert core.registration.complete(secret).created


@pytest.mark.rule("R8")
def test_an_email_that_was_registered_meanwhile_is_taken(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    clock.advance(timedelta(seconds=5))
    register(core)
    with refused(core, Taken):
        core.registration.complete(secret)
    assert registration_attempts(core)[0].status is RegistrationStatus.TAKEN_EMAIL


@pytest.mark.rule("R8", "T2")
def test_a_link_opens_nothing_elsewhere(core: UserCore, mailer: MemoryMailer) -> None:
    add_tenant(core)
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    for wrong in (secret[:-1] + "~", secret.replace("ucr_", "ucl_"), "", "ucr_"):
        with refused(core, TokenUnknown, but=()):
            core.registration.complete(wrong)
    with refused(core, TokenUnknown, but=()):
        core.tenant("acme").registration.complete(secret)


@pytest.mark.rule("R8", "T3")
def test_an_inactive_tenant_registers_nobody(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    tenants = core.tenant("system").tenants
    tenants.deactivate("main")
    with refused(core, TokenInvalid):
        core.registration.complete(secret)
    tenants.activate("main")
    assert core.registration.complete(secret).created


@pytest.mark.rule("R8", "T1")
def test_nobody_asks_to_become_an_operator(core: UserCore) -> None:
    system = core.tenant("system")
    with refused(core, Vetoed) as raised:
        system.registration.request("ann@example.com")
    assert raised.value.gate == "system"
    assert registration_attempts(system)[0].status is RegistrationStatus.VETOED


@pytest.mark.rule("R8")
def test_without_a_mailer_nobody_can_ask(core: UserCore) -> None:
    with pytest.raises(RuntimeError, match="needs a mailer"):
        over(core, mailer=None).registration.request("ann@example.com")
