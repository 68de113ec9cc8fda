"""Registration by a mailed link: every answer to a request is the same, and a link completes one registration."""

import re
from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.services.helpers import PASSWORD, TRIES, add_tenant, over, refused, register, registration_attempts
from usercore import (
    Email,
    Invalid,
    LinkPolicy,
    PasswordRefused,
    RegistrationStatus,
    Taken,
    TokenExpired,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
    UserCore,
    UsercoreError,
    Vetoed,
)
from usercore.testing import TICK, FakeClock, FakeHasher, MemoryMailer
from usercore.testing.contracts.races import THREADS, Meet, race

DAY = timedelta(days=1)

COUNTED = TRIES | {"registration_links"}
"""What a refused completion may change: it is counted on the link."""


def link_of(core: UserCore, mailer: MemoryMailer) -> str:
    core.outbox.deliver()
    found = re.search(r"https://example.com/join/(\S+)", mailer.sent[-1].text)
    assert found
    return found[1]


@pytest.mark.rule("R8")
def test_free_taken_and_throttled_emails_have_the_same_answer(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = register(core, "bob")
    clock.advance(timedelta(seconds=5))
    emails = ["ann@example.com", "ann@example.com", "BOB@example.com"]
    answers: list[object] = [core.registration.request(email) for email in emails]  # type: ignore[func-returns-value]  # that it returns None is what is tested
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
def test_a_second_completion_by_the_same_link_is_refused(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    core.registration.complete(secret)
    with refused(core, TokenRedeemed, but=()):
        core.registration.complete(secret)


@pytest.mark.rule("R8")
def test_a_link_is_valid_until_the_instant_of_its_expiry(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    core.registration.request("ann@example.com")
    secret, end = link_of(core, mailer), clock.now + DAY
    clock.now = end
    with refused(core, TokenExpired, but=()) as raised:
        core.registration.complete(secret)
    assert raised.value.expired_at == end
    clock.now = end - TICK
    assert core.registration.complete(secret).created


@pytest.mark.rule("R8")
def test_a_link_is_valid_after_a_few_refused_completions(core: UserCore, mailer: MemoryMailer) -> None:
    register(core, "bob", username="bob")
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    with refused(core, PasswordRefused, but=COUNTED):
        core.registration.complete(secret, password="short")
    with refused(core, Invalid, but=COUNTED):
        core.registration.complete(secret, first_name="\0")
    for password in (None, PASSWORD):
        with refused(core, Taken, but=COUNTED):
            core.registration.complete(secret, username="Bob", password=password)
    assert core.registration.complete(secret).created


@pytest.mark.rule("R8")
def test_completing_with_an_email_that_was_registered_meanwhile_is_refused_as_taken(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    clock.advance(timedelta(seconds=5))
    register(core)
    with refused(core, Taken, but=COUNTED):
        core.registration.complete(secret)
    assert registration_attempts(core)[0].status is RegistrationStatus.TAKEN_EMAIL


@pytest.mark.rule("R8", "T2")
def test_a_secret_of_another_form_kind_or_tenant_is_unknown(core: UserCore, mailer: MemoryMailer) -> None:
    add_tenant(core)
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    for wrong in (secret[:-1] + "~", secret.replace("ucr_", "ucl_"), "", "ucr_"):
        with refused(core, TokenUnknown, but=()):
            core.registration.complete(wrong)
    with refused(core, TokenUnknown, but=()):
        core.tenant("acme").registration.complete(secret)


@pytest.mark.rule("R8", "T3")
def test_in_an_inactive_tenant_a_valid_link_is_answered_like_an_unknown_one(
    core: UserCore, mailer: MemoryMailer, hasher: FakeHasher
) -> None:
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    tenants = core.tenant("system").tenants
    tenants.deactivate("main")
    for wrong in (secret, "ucr_"):
        with refused(core, TokenUnknown, but=()):
            core.registration.complete(wrong, password=PASSWORD)
    assert hasher.places == 0
    tenants.activate("main")
    assert core.registration.complete(secret).created


@pytest.mark.rule("R8", "T1")
def test_requests_in_the_system_tenant_are_vetoed(core: UserCore) -> None:
    system = core.tenant("system")
    with refused(core, Vetoed) as raised:
        system.registration.request("ann@example.com")
    assert raised.value.gate == "system"
    assert registration_attempts(system)[0].status is RegistrationStatus.VETOED


@pytest.mark.rule("R8")
def test_a_request_without_a_mailer_raises(core: UserCore) -> None:
    with pytest.raises(RuntimeError, match="needs a mailer"):
        over(core, mailer=None).registration.request("ann@example.com")


@pytest.mark.rule("R8", "T3")
def test_a_request_in_an_inactive_tenant_has_the_same_answer_and_mails_nothing(
    core: UserCore, mailer: MemoryMailer
) -> None:
    register(core, "bob", send_email=False)
    core.tenant("system").tenants.deactivate("main")
    for email in ("ann@example.com", "bob@example.com"):
        core.registration.request(email)
        assert registration_attempts(core)[0].login == email
        core.outbox.deliver()
    assert mailer.sent == []


def refuse(core: UserCore, secret: str, number: int) -> None:
    """Complete a registration with invalid values; three kinds of refusal alternate."""
    wrong: list[tuple[type[UsercoreError], dict[str, Any]]] = [
        (Taken, {"username": "bob"}),
        (Taken, {"username": "bob", "password": PASSWORD}),
        (PasswordRefused, {"password": "short"}),
        (Invalid, {"first_name": "\0"}),
    ]
    error, form = wrong[number % len(wrong)]
    with refused(core, error, but=COUNTED):
        core.registration.complete(secret, **form)


@pytest.mark.rule("K7")
def test_a_link_is_used_up_by_ten_refusals(core: UserCore, mailer: MemoryMailer, hasher: FakeHasher) -> None:
    register(core, "bob", username="bob")
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    for number in range(10):
        refuse(core, secret, number)
    hashes = hasher.hashes
    for form in ({"username": "bob"}, {"username": "free"}, {"password": PASSWORD}):
        with refused(core, TokenRevoked, but=()):
            core.registration.complete(secret, **form)
    assert hasher.hashes == hashes


@pytest.mark.rule("K7")
def test_a_link_completes_a_registration_after_nine_refusals(core: UserCore, mailer: MemoryMailer) -> None:
    register(core, "bob", username="bob")
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    for number in range(9):
        refuse(core, secret, number)
    assert core.registration.complete(secret, username="ann").created


@pytest.mark.rule("K7")
def test_the_number_of_refusals_is_in_the_policy(core: UserCore, mailer: MemoryMailer) -> None:
    policy = attrs.evolve(core.policy, links=LinkPolicy(registration_refusals=1))
    core = over(core, policy=policy)
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)
    refuse(core, secret, 2)
    with refused(core, TokenRevoked, but=()):
        core.registration.complete(secret)


@pytest.mark.rule("K7")
def test_concurrent_refusals_of_one_link_are_ten_in_total(core: UserCore, mailer: MemoryMailer) -> None:
    register(core, "bob", username="bob")
    core.registration.request("ann@example.com")
    secret = link_of(core, mailer)

    def list_usernames(_: int, meet: Meet) -> list[type[UsercoreError]]:
        meet()
        raised = []
        for form in [{"username": "bob"}, {"username": "bob", "password": PASSWORD}, {"password": "short"}]:
            with pytest.raises(UsercoreError) as refusal:
                core.registration.complete(secret, **form)
            raised.append(refusal.type)
        return raised

    answers = [kind for raised in race(list_usernames) for kind in raised]
    assert len(answers) == 3 * THREADS
    assert answers.count(TokenRevoked) == len(answers) - 10
