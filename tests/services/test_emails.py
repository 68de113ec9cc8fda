"""Changing an email at once: what it ends, who is told, and which addresses are the same."""

from typing import Any

import pytest

from tests.services.helpers import refused, register, sign_in, unchanged
from usercore import Email, Invalid, MailKind, SignInRefused, Taken, UserCore
from usercore.testing import NOON, FakeClock, MemoryMailer


@pytest.mark.rule("E1")
def test_the_new_address_is_in_force_at_once(core: UserCore, clock: FakeClock) -> None:
    user = register(core, first_name="Ann")
    clock.tick()
    changed = core.emails.change(Email("ann@example.com"), "Lee@EXAMPLE.com")
    assert (changed.email, changed.version, changed.modified_at) == ("Lee@example.com", 2, clock.now)
    assert core.users.get(Email("lee@example.com")) == changed
    assert core.users.find(Email("ann@example.com")) is None
    assert register(core, "ann2").id != user.id


@pytest.mark.rule("E1", "U6")
@pytest.mark.parametrize("was_verified", [True, False])
@pytest.mark.parametrize("asserted_by_host", [True, False])
def test_a_new_address_is_verified_only_if_the_host_vouches(
    core: UserCore, clock: FakeClock, *, was_verified: bool, asserted_by_host: bool
) -> None:
    user = core.emails.change(register(core).id, "ann.lee@example.com", verified=was_verified)
    clock.tick()
    assert core.emails.change(user.id, "lee@example.com", verified=asserted_by_host).email_verified_at == (
        clock.now if asserted_by_host else None
    )


@pytest.mark.rule("E1")
def test_the_old_address_is_told_if_it_was_verified(core: UserCore, mailer: MemoryMailer) -> None:
    user = register(core)
    core.emails.change(user.id, "second@example.com", verified=True)
    core.emails.change(user.id, "third@example.com")
    core.emails.change(user.id, "fourth@example.com")
    core.outbox.deliver()
    assert [(mail.to, mail.kind) for mail in mailer.sent] == [("second@example.com", MailKind.EMAIL_CHANGED)]


@pytest.mark.rule("E1", "K9")
def test_login_tokens_end_and_access_tokens_do_not(core: UserCore) -> None:
    user = register(core)
    token, login_token = sign_in(core, user), core.login_tokens.issue(user.id)
    core.emails.change(user.id, "lee@example.com")
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(login_token)
    assert core.sign_in.identify(token).user.email == "lee@example.com"


@pytest.mark.rule("E4")
@pytest.mark.parametrize("email", ["", "lee", "lee@", "@example.com", "a b@example.com", "a@example.com\n", "x" * 300])
def test_a_malformed_address_is_refused(core: UserCore, email: str) -> None:
    user = register(core)
    with refused(core, Invalid, but=()):
        core.emails.change(user.id, email)


@pytest.mark.rule("E4")
@pytest.mark.parametrize("asked", [{"email": None}, {"email": 7}, {"email": "lee@example.com", "verified": 1}], ids=str)
def test_a_wrong_type_is_refused(core: UserCore, asked: dict[str, Any]) -> None:
    user = register(core)
    with refused(core, TypeError, but=()):
        core.emails.change(user.id, **asked)


@pytest.mark.rule("E4")
def test_another_users_address_is_taken(core: UserCore) -> None:
    user = register(core)
    register(core, "bob")
    with refused(core, Taken, but=()) as raised:
        core.emails.change(user.id, "BOB@example.com")
    assert (raised.value.space, raised.value.field) == ("login", "email")


@pytest.mark.rule("E4")
def test_the_same_address_changes_nothing(core: UserCore, clock: FakeClock) -> None:
    user = core.emails.change(register(core).id, "ann.lee@example.com", verified=True)
    clock.tick()
    with unchanged(core):
        assert core.emails.change(user.id, "ann.lee@EXAMPLE.com").version == user.version
        assert core.emails.change(user.id, "ann.lee@example.com", verified=True).version == user.version


@pytest.mark.rule("E4", "K9")
def test_another_spelling_is_stored_and_keeps_verified_and_tokens(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = core.emails.change(register(core).id, "ann.lee@example.com", verified=True)
    login_token = core.login_tokens.issue(user.id)
    clock.tick()
    changed = core.emails.change(user.id, "Ann.Lee@example.com")
    assert (changed.email, changed.email_verified_at) == ("Ann.Lee@example.com", NOON)
    assert core.users.get(Email("ann.lee@example.com")) == changed
    core.outbox.deliver()
    assert mailer.sent == []
    assert core.sign_in.with_login_token(login_token).user.id == user.id


@pytest.mark.rule("E1")
def test_the_host_may_vouch_for_the_same_address(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    clock.tick()
    assert core.emails.change(user.id, "ann@example.com", verified=True).email_verified_at == clock.now
