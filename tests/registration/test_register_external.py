"""Registering for a host with its own sign-in: existing users, the pause between calls, and no token."""

from datetime import timedelta

import pytest

from tests.services.helpers import add_tenant, changed, dump, refused, register, registration_attempts
from usercore import ExternalId, Invalid, RateLimited, RegistrationStatus, Taken, UserCore
from usercore.kernel.entity import differing
from usercore.testing import TICK, FakeClock, MemoryMailer

PAUSE = timedelta(seconds=5)


@pytest.mark.rule("R3")
def test_every_value_is_stored_in_the_user(core: UserCore) -> None:
    registration = core.registration.register_external(
        "Ann@EXAMPLE.com", language="EN_us", external_id="A1BKAFZZ3H0H", first_name="new", name="user", source="app"
    )
    user = core.users.get(ExternalId("A1BKAFZZ3H0H"))
    assert (registration.created, registration.user) == (True, user)
    assert (user.email, user.language, user.first_name, user.last_name) == ("Ann@example.com", "en-US", "new", "user")
    assert (user.source, user.email_verified) == ("app", False)


@pytest.mark.rule("R3")
def test_register_external_issues_no_token(core: UserCore) -> None:
    registration = core.registration.register_external("ann@example.com")
    assert registration.access_token is None
    assert core.access_tokens.list(registration.user.id).rows == ()
    assert core.history.attempts(registration.user.id).rows == ()
    assert registration.user.last_sign_in_at is None


@pytest.mark.rule("R3")
def test_a_known_email_returns_the_existing_user_unchanged(core: UserCore, clock: FakeClock) -> None:
    user = register(core, first_name="Ann", external_id=1)
    clock.advance(PAUSE)
    before = dump(core)
    registration = core.registration.register_external(
        "ANN@example.com", external_id="2", first_name="Eve", with_password_reset=True
    )
    assert not registration.created
    assert differing(user, registration.user) == ["change_no"], "only a lock, so that the attempt precedes an erasure"
    assert changed(before, dump(core)) == {"registration_attempts", "rate_limits"}
    attempt = registration_attempts(core, user)[0]
    assert (attempt.status, attempt.login) == (RegistrationStatus.TAKEN_EMAIL, "ANN@example.com")


@pytest.mark.rule("R3")
def test_a_known_email_is_refused_if_fail_by_existing_email_is_on(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    clock.advance(PAUSE)
    with refused(core, Taken) as raised:
        core.registration.register_external("ann@example.com", fail_by_existing_email=True)
    assert (raised.value.space, raised.value.field) == ("login", "email")
    assert registration_attempts(core, user)[0].status is RegistrationStatus.TAKEN_EMAIL


@pytest.mark.rule("R3")
def test_an_email_that_is_only_a_username_does_not_return_its_user(core: UserCore) -> None:
    register(core, username="ann")
    with refused(core, Invalid):
        core.registration.register_external("ann")


@pytest.mark.rule("R3")
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_the_same_email_waits_five_seconds(core: UserCore, clock: FakeClock, *, known: bool) -> None:
    if known:
        register(core)
        clock.advance(PAUSE)
    core.registration.register_external("ann@example.com")
    clock.advance(PAUSE - TICK)
    with refused(core, RateLimited) as raised:
        core.registration.register_external("Ann@Example.com")
    assert raised.value.retry_after == TICK
    clock.tick()
    assert not core.registration.register_external("ann@example.com").created


@pytest.mark.rule("R3")
def test_another_users_external_id_is_taken(core: UserCore) -> None:
    register(core, "bob", external_id="17")
    with refused(core, Taken) as raised:
        core.registration.register_external("ann@example.com", external_id=17)
    assert (raised.value.space, raised.value.field) == ("external", "external_id")
    assert [attempt.status for attempt in registration_attempts(core)] == [RegistrationStatus.TAKEN_EXTERNAL_ID]
    assert core.registration.register_external("ann@example.com", external_id=18).created  # no pause was started


@pytest.mark.rule("R3", "R6")
def test_a_password_is_mailed_only_with_password_reset(core: UserCore, mailer: MemoryMailer) -> None:
    core.registration.register_external("ann@example.com")
    core.registration.register_external("bob@example.com", with_password_reset=True)
    core.outbox.deliver()
    assert [(mail.to, str(mail.kind)) for mail in mailer.sent] == [("bob@example.com", "welcome_password")]


@pytest.mark.rule("R3", "T2")
def test_another_tenants_email_is_not_known(core: UserCore) -> None:
    register(core)
    add_tenant(core)
    assert core.tenant("acme").registration.register_external("ann@example.com").created
