"""Changing an email at once: revoked tokens, notifications, and which addresses are equal."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from tests.services.helpers import over, refused, register, sign_in, unchanged
from usercore import (
    Actor,
    Email,
    EmailPolicy,
    ExternalId,
    FieldError,
    Invalid,
    MailKind,
    SignInRefused,
    Taken,
    UserCore,
)
from usercore.testing import NOON, FakeClock, MemoryMailer


@pytest.mark.rule("E1")
def test_the_new_address_is_used_at_once(core: UserCore, clock: FakeClock) -> None:
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
def test_a_new_address_is_verified_only_if_the_host_asserts_it(
    core: UserCore, clock: FakeClock, *, was_verified: bool, asserted_by_host: bool
) -> None:
    user = core.emails.change(register(core).id, "ann.lee@example.com", verified=was_verified)
    clock.tick()
    assert core.emails.change(user.id, "lee@example.com", verified=asserted_by_host).email_verified_at == (
        clock.now if asserted_by_host else None
    )


@pytest.mark.rule("E1")
def test_the_old_address_is_notified_if_it_was_verified(core: UserCore, mailer: MemoryMailer) -> None:
    user = register(core)
    core.emails.change(user.id, "second@example.com", verified=True)
    core.emails.change(user.id, "third@example.com")
    core.emails.change(user.id, "fourth@example.com")
    core.outbox.deliver()
    assert [(mail.to, mail.kind) for mail in mailer.sent] == [("second@example.com", MailKind.EMAIL_CHANGED)]


@pytest.mark.rule("E1", "K9")
def test_login_tokens_are_revoked_and_access_tokens_are_not(core: UserCore) -> None:
    user = register(core)
    token, login_token = sign_in(core, user), core.login_tokens.issue(user.id)
    core.emails.change(user.id, "lee@example.com")
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(login_token)
    assert core.sign_in.identify(token).user.email == "lee@example.com"


@pytest.mark.rule("E4")
@pytest.mark.parametrize("email", ["", "lee", "lee@", "@example.com", "a b@example.com", "a@\nexample.com", "x" * 300])
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


@pytest.mark.rule("E4", "U6")
def test_changing_to_the_same_address_does_not_verify_it(core: UserCore) -> None:
    user = register(core)
    with unchanged(core):
        assert core.emails.change(user.id, "ann@example.com", verified=True).version == user.version
    assert core.users.get(user.id).email_verified_at is None
    respelled = core.emails.change(user.id, "ANN@example.com", verified=True)
    assert (respelled.email, respelled.email_verified) == ("ANN@example.com", False)


@pytest.mark.rule("U6", "X2")
def test_an_operator_sets_whether_an_email_is_verified(core: UserCore, clock: FakeClock, mailer: MemoryMailer) -> None:
    user = register(core)
    clock.tick()
    operator = core.bind(actor=Actor.operator("Zoë"))
    verified = operator.emails.set_verified(user.id, verified=True)
    assert (verified.email_verified_at, verified.version, verified.modified_by) == (clock.now, 2, "operator:Zoë")
    assert core.users.get(user.id) == verified
    clock.tick()
    with unchanged(core):
        again = core.emails.set_verified(Email("ANN@example.com"), verified=True)
    assert again.email_verified_at == verified.email_verified_at
    assert not operator.emails.set_verified(user.id, verified=False).email_verified
    with unchanged(core):
        assert not core.emails.set_verified(user.id, verified=False).email_verified
    entries = core.history.of_user(user.id).rows[:2]
    assert {entry.kind for entry in entries} == {"user.email_verification_changed"}
    assert [(entry.actor, set(entry.new or {}), set(entry.old or {})) for entry in entries] == [
        ("operator:Zoë", {"email_verified_at"}, {"email_verified_at"})
    ] * 2
    core.outbox.deliver()
    assert mailer.sent == []


@pytest.mark.rule("U6")
def test_a_user_without_an_email_cannot_be_set_to_verified(core: UserCore) -> None:
    core.registration.import_users([{"external_id": "17"}])
    with refused(core, Invalid, but=()) as raised:
        core.emails.set_verified(ExternalId(17), verified=True)
    assert raised.value.errors == (FieldError("email", "no_email"),)
    assert not core.emails.set_verified(ExternalId(17), verified=False).email_verified


@pytest.mark.rule("U6")
@pytest.mark.parametrize("value", [None, 1, "true"])
def test_verified_must_be_a_bool(core: UserCore, value: Any) -> None:
    user = register(core)
    with refused(core, TypeError, but=()):
        core.emails.set_verified(user.id, verified=value)


@pytest.mark.rule("U1")
@pytest.mark.parametrize("name", ["ann@example.com", "ANN@Example.com", " ann@EXAMPLE.COM "])
def test_a_public_name_that_is_the_email_follows_it(core: UserCore, name: str) -> None:
    registered = core.registration.register("ann@example.com", public_name=name).user
    updated = core.users.update(register(core, "bob").id, public_name=name.replace("ann", "bob").replace("ANN", "BOB"))
    for user, email in ((registered, "ann@example.com"), (updated, "bob@example.com")):
        assert (user.chosen_public_name, user.public_name) == (None, email)
        assert core.users.get(user.id).chosen_public_name is None
        changed = core.emails.change(user.id, f"new-{email}")
        assert (changed.chosen_public_name, changed.public_name) == (None, f"new-{email}")


@pytest.mark.rule("U1")
def test_a_public_name_that_becomes_the_email_is_no_longer_stored(core: UserCore) -> None:
    user = core.users.update(register(core).id, public_name="Lee@example.com")
    assert user.chosen_public_name == "Lee@example.com"
    assert core.emails.change(user.id, "ann@example.org").public_name == "Lee@example.com"
    changed = core.emails.change(user.id, "lee@example.com")
    assert (changed.chosen_public_name, changed.public_name) == (None, "lee@example.com")
    entry = core.history.of_user(user.id).rows[0]
    assert (entry.kind, (entry.old or {})["chosen_public_name"]) == ("user.email_changed", "Lee@example.com")


@pytest.mark.rule("U5")
def test_a_listed_special_use_domain_is_admitted_wherever_an_email_enters(core: UserCore, mailer: MemoryMailer) -> None:
    calls: list[Callable[[UserCore, str], object]] = [
        lambda core, email: core.registration.register(email),
        lambda core, email: core.registration.register_external(f"external-{email}"),
        lambda core, email: core.registration.request(f"stranger-{email}"),
        lambda core, email: core.registration.check_email(f"free-{email}"),
        lambda core, email: core.emails.change(Email("ann@example.com"), f"lee-{email}"),
    ]
    register(core)
    policy = attrs.evolve(core.policy, emails=EmailPolicy(special_domains=frozenset({"corp.LOCAL"})))
    listing = over(core, policy=policy)
    for call in calls:
        with refused(core, Invalid) as raised:
            call(core, "eve@corp.local")
        assert raised.value.errors == (FieldError("email", "special_domain"),)
        call(listing, "eve@corp.local")
    record = {"email": "dan@corp.local", "username": "dan@corp.local"}
    assert core.registration.import_users([record]).bad[0].errors == (FieldError("email", "special_domain"),)
    assert listing.registration.import_users([record]).created == 1
    assert core.users.get(Email("DAN@corp.local")).username == "dan@corp.local"
    listing.outbox.deliver()
    assert "stranger-eve@corp.local" in {mail.to for mail in mailer.sent}
