"""Resetting a password by a mailed link: what is mailed, what the link does, and what ends it."""

import re
from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from tests.services.helpers import (
    ANN,
    ANOTHER,
    PASSWORD,
    TRIES,
    BusyHasher,
    add_tenant,
    dump,
    fail,
    opens,
    over,
    refused,
    register,
    sign_in,
    unchanged,
    unclaim,
)
from usercore import (
    AttemptStatus,
    Email,
    LinkPolicy,
    PasswordRefused,
    Policy,
    ResetPolicy,
    RevocationPolicy,
    Secret,
    SignInRefused,
    TokenExpired,
    TokenInvalid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
    User,
    UserCore,
)
from usercore.kernel.secret import generate_secret
from usercore.testing import TICK, FakeClock, FakeHasher, FakeRandomness, MemoryMailer, WatchedStorage
from usercore.tokens.kinds import LOGIN, TokenKind

HOUR = timedelta(hours=1)


def links_in(mailer: MemoryMailer) -> list[str]:
    """Return the secrets of the links that were mailed, oldest first."""
    return [found[1] for mail in mailer.sent if (found := re.search(r"https://example.com/reset#(\S+)", mail.text))]


def link_of(core: UserCore, mailer: MemoryMailer, login: str = ANN) -> str:
    """Request a link and return its secret."""
    core.passwords.request_reset(login)
    core.outbox.deliver()
    return links_in(mailer)[-1]


def enters(core: UserCore, password: str, login: str = ANN) -> bool:
    try:
        core.sign_in.with_password(login, password)
    except SignInRefused:
        return False
    return True


@pytest.mark.rule("P5", "R6", "U5")
@pytest.mark.parametrize("login", ["Ann@Example.com", " ann@example.com ", "Ann.Lee"])
def test_a_link_is_mailed_to_the_stored_spelling_of_the_email(core: UserCore, mailer: MemoryMailer, login: str) -> None:
    register(core, "aNN", username="ann.lee", password=PASSWORD)
    core.passwords.request_reset(login)
    assert mailer.sent == []
    core.outbox.deliver()
    (mail,) = mailer.sent
    assert (mail.to, str(mail.kind)) == ("aNN@example.com", "password_reset")
    assert "works once, for 5 hours." in mail.text


@pytest.mark.rule("P5", "P6")
def test_the_new_password_signs_in_and_the_old_one_no_longer(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = register(core, password=PASSWORD)
    link = link_of(core, mailer)
    clock.tick()
    assert core.passwords.reset(link, ANOTHER) == core.users.get(user.id)
    assert [enters(core, password) for password in (PASSWORD, ANOTHER)] == [False, True]
    changed = [(entry.kind, entry.new.get("reason")) for entry in core.history.of_user(user.id).rows]
    assert ("password.set", "reset") in changed
    assert core.users.status(user.id).password_changed_at == clock.now


@pytest.mark.rule("P5")
def test_a_user_without_a_password_gets_the_first_one_by_a_link(core: UserCore, mailer: MemoryMailer) -> None:
    register(core)
    core.passwords.reset(link_of(core, mailer), PASSWORD)
    assert enters(core, PASSWORD)


@pytest.mark.rule("P5", "K7")
def test_a_link_works_once(core: UserCore, mailer: MemoryMailer, hasher: FakeHasher) -> None:
    register(core, password=PASSWORD)
    link = link_of(core, mailer)
    core.passwords.reset(link, ANOTHER)
    hasher.hashes = 0
    with refused(core, TokenRedeemed, but=()):
        core.passwords.reset(link, PASSWORD)
    assert (hasher.hashes, enters(core, ANOTHER)) == (0, True)


@pytest.mark.rule("P5", "K7")
@pytest.mark.parametrize("lifetime", [timedelta(hours=5), timedelta(minutes=7)])
def test_a_link_expires(core: UserCore, clock: FakeClock, mailer: MemoryMailer, lifetime: timedelta) -> None:
    policy = Policy(mail=core.policy.mail, links=LinkPolicy(reset_lifetime=lifetime))
    core = over(core, policy=policy)
    register(core, password=PASSWORD)
    first = link_of(core, mailer)
    clock.advance(lifetime)
    with refused(core, TokenExpired, but=()):
        core.passwords.reset(first, ANOTHER)
    second = link_of(core, mailer)
    clock.advance(lifetime - TICK)
    core.passwords.reset(second, ANOTHER)


ENDINGS: dict[str, Callable[[UserCore, User], object]] = {
    "a changed password": lambda core, user: core.passwords.set(user.id, ANOTHER),
    "a changed email": lambda core, user: core.emails.change(user.id, "other@example.com"),
    "an email changed there and back": lambda core, user: [
        core.emails.change(user.id, email) for email in ("other@example.com", ANN)
    ],
    "deactivation and activation": lambda core, user: (
        core.users.deactivate(user.id),
        core.users.activate(user.id),
    ),
}


@pytest.mark.rule("P5", "K7", "K9", "R6")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("is_delivered", [True, False], ids=["delivered", "not yet delivered"])
def test_a_link_ends_with(core: UserCore, mailer: MemoryMailer, ending: str, is_delivered: bool) -> None:  # noqa: FBT001 - parametrized
    user = register(core, password=PASSWORD)
    core.passwords.request_reset(ANN)
    if is_delivered:
        core.outbox.deliver()
    ENDINGS[ending](core, user)
    if is_delivered:
        with refused(core, TokenRevoked, but=()):
            core.passwords.reset(links_in(mailer)[-1], "pelicans seven over Trnava")
    else:
        core.outbox.deliver()
        was_sent = ending in {"an email changed there and back", "deactivation and activation"}
        assert len(links_in(mailer)) == was_sent


@pytest.mark.rule("P5", "K7")
def test_another_spelling_of_the_email_does_not_end_a_link(core: UserCore, mailer: MemoryMailer) -> None:
    user = register(core, password=PASSWORD)
    link = link_of(core, mailer)
    core.emails.change(user.id, "ANN@example.com")
    assert core.passwords.reset(link, ANOTHER).email == "ANN@example.com"


@pytest.mark.rule("P5", "K7", "R6")
def test_a_newer_link_ends_an_older_one(core: UserCore, mailer: MemoryMailer) -> None:
    user = register(core, password=PASSWORD)
    older, newer = link_of(core, mailer), link_of(core, mailer)
    with refused(core, TokenRevoked, but=()):
        core.passwords.reset(older, ANOTHER)
    entry = next(entry for entry in core.history.of_user(user.id).rows if entry.kind == "tokens.revoked")
    assert (entry.new["links"], entry.new["reason"]) == (1, "password.reset_requested")
    core.passwords.reset(newer, ANOTHER)


@pytest.mark.rule("P5", "K9")
@pytest.mark.parametrize("password", [ANOTHER, PASSWORD], ids=["another", "the present one"])
def test_a_reset_revokes_all_tokens_and_signs_no_user_in(core: UserCore, mailer: MemoryMailer, password: str) -> None:
    user = register(core, password=PASSWORD)
    access, login = sign_in(core, user), core.login_tokens.issue(user.id)
    core.passwords.reset(link_of(core, mailer), password)
    assert not opens(core, access)
    with pytest.raises(SignInRefused):
        core.sign_in.with_login_token(login)
    assert core.access_tokens.list(user.id).rows == ()
    assert enters(core, password)


@pytest.mark.rule("P5", "S7")
def test_a_reset_forgets_failures_and_makes_a_void_password_valid(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = register(core, password=PASSWORD)
    for _ in range(100):
        fail(core)
        clock.advance(timedelta(minutes=15))
    assert not enters(core, PASSWORD)
    core.passwords.reset(link_of(core, mailer), PASSWORD)
    assert core.users.status(user.id).failures_in_a_row == 0
    assert enters(core, PASSWORD)


@pytest.mark.rule("U6")
def test_a_reset_verifies_the_address_that_the_link_was_mailed_to(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    user = register(core, password=PASSWORD)
    clock.tick()
    assert not user.email_verified
    verified = core.passwords.reset(link_of(core, mailer), ANOTHER)
    assert (verified.email_verified_at, verified.confirmed_at) == (clock.now, None)
    clock.tick()
    assert core.passwords.reset(link_of(core, mailer), PASSWORD).email_verified_at == verified.email_verified_at


@pytest.mark.rule("P2", "P5", "K7")
def test_a_refused_password_does_not_use_the_link_up(core: UserCore, mailer: MemoryMailer, hasher: FakeHasher) -> None:
    register(core, "ann.lee", password=PASSWORD)
    link = link_of(core, mailer, "ann.lee@example.com")
    hasher.hashes = 0
    for weak, reason in (("short", "too_short"), ("ann.lee@example.com", "personal"), ("a" * 20, "common")):
        with refused(core, PasswordRefused, but=()) as raised:
            core.passwords.reset(link, weak)
        assert reason in raised.value.reasons
    assert hasher.hashes == 0
    core.passwords.reset(link, ANOTHER)


@pytest.mark.rule("P5", "S3")
@pytest.mark.parametrize("state", ["deactivated", "unclaimed", "inactive tenant", "no active role"])
def test_users_who_may_not_sign_in_get_no_link_and_cannot_use_one(
    core: UserCore, mailer: MemoryMailer, state: str
) -> None:
    add_tenant(core)
    acme = core.tenant("acme")
    user = register(acme, password=PASSWORD)
    link = link_of(acme, mailer)
    if state == "deactivated":
        acme.users.deactivate(user.id)
    elif state == "unclaimed":
        unclaim(acme, user)
    elif state == "no active role":
        acme.roles.require(user.id, required=True)
    else:
        core.tenant("system").tenants.deactivate("acme")
    with refused(acme, TokenInvalid, but=()) as raised:
        acme.passwords.reset(link, ANOTHER)
    assert type(raised.value) is (TokenRevoked if state == "deactivated" else TokenUnknown)
    acme.passwords.request_reset(ANN)
    acme.outbox.deliver()
    assert links_in(mailer) == [link]


@pytest.mark.rule("T5", "P5")
def test_an_admin_resets_by_a_link_and_is_not_signed_in(core: UserCore, mailer: MemoryMailer) -> None:
    system = core.tenant("system")
    admin = register(system, password=PASSWORD)
    system.passwords.reset(link_of(system, mailer), ANOTHER)
    assert system.access_tokens.list(admin.id).rows == ()
    assert enters(system, ANOTHER)


@pytest.mark.rule("K1", "K3", "T2")
def test_only_a_link_of_this_kind_and_tenant_resets(core: UserCore, mailer: MemoryMailer, hasher: FakeHasher) -> None:
    add_tenant(core)
    user = register(core, password=PASSWORD)
    link = link_of(core, mailer)
    hasher.hashes = 0
    others: list[Secret | str] = [
        "garbage",
        sign_in(core, user).reveal(),
        core.login_tokens.issue(user.id),
        generate_secret(LOGIN, user.id, FakeRandomness("x")),
        generate_secret(TokenKind.RESET, user.id, FakeRandomness("x")),
        generate_secret(TokenKind.RESET, user.id + 1, FakeRandomness("x")),
    ]
    for other in others:
        with refused(core, TokenUnknown, but=()):
            core.passwords.reset(other, ANOTHER)
    with refused(core, TokenUnknown, but=()):
        core.tenant("acme").passwords.reset(link, ANOTHER)
    for sign in (core.sign_in.with_login_token, core.sign_in.with_access_token):
        with refused(core, SignInRefused):
            sign(link)
    with refused(core, TokenUnknown, but=()):
        core.sign_in.identify(link)
    assert hasher.hashes == 0
    core.close()


@pytest.mark.rule("K3", "S6")
def test_links_that_do_not_exist_are_counted_in_one_row(core: UserCore, clock: FakeClock) -> None:
    here = core.bind(ip="192.0.2.7")
    for _ in range(3):
        with refused(core, TokenUnknown, but=()):
            here.passwords.reset("garbage", ANOTHER)
    clock.advance(timedelta(minutes=1))
    with refused(core, TokenUnknown):
        here.passwords.reset("garbage", ANOTHER)
    (row,) = core.history.attempts().rows
    assert (row.status, row.count, row.ip) == (AttemptStatus.GARBAGE, 4, "192.0.2.7")


@pytest.mark.rule("P5", "S7")
def test_requests_past_a_limit_mail_nothing_and_answer_alike(
    core: UserCore, clock: FakeClock, mailer: MemoryMailer
) -> None:
    register(core, username="ann", password=PASSWORD)
    for _ in range(4):
        core.passwords.request_reset("ann")  # both logins count for the account
        core.passwords.request_reset(ANN)
    core.outbox.deliver()
    assert len(links_in(mailer)) == 5
    with unchanged(core, but=TRIES):
        core.passwords.request_reset(ANN)
    clock.advance(HOUR)
    core.passwords.request_reset(ANN)
    core.outbox.deliver()
    assert len(links_in(mailer)) == 6


@pytest.mark.rule("S7")
def test_requests_from_one_address_are_limited(core: UserCore, mailer: MemoryMailer) -> None:
    register(core, password=PASSWORD)
    here, neighbour = core.bind(ip="2001:db8::1"), core.bind(ip="2001:db8::2")
    for number in range(20):
        here.passwords.request_reset(f"user{number}")
    neighbour.passwords.request_reset(ANN)
    core.outbox.deliver()
    assert mailer.sent == []
    core.bind(ip="2001:db8:1::1").passwords.request_reset(ANN)
    core.outbox.deliver()
    assert len(mailer.sent) == 1


@pytest.mark.rule("S7")
def test_a_window_of_zero_disables_its_limit(core: UserCore, mailer: MemoryMailer) -> None:
    zero = timedelta(0)
    resets = ResetPolicy(per_account=1, per_account_window=zero, per_ip=1, per_ip_window=zero)
    core = over(core, policy=Policy(mail=core.policy.mail, resets=resets)).bind(ip="192.0.2.7")
    register(core, password=PASSWORD)
    for _ in range(3):
        core.passwords.request_reset(ANN)
    core.outbox.deliver()
    assert len(mailer.sent) == 3


@pytest.mark.rule("R6", "K1")
def test_no_secret_of_a_link_is_stored(core: UserCore, mailer: MemoryMailer) -> None:
    register(core, password=PASSWORD)
    link = link_of(core, mailer)
    assert link not in repr(dump(core))
    core.passwords.reset(link, ANOTHER)
    assert link not in repr(dump(core))


@pytest.mark.rule("P5")
def test_a_request_without_a_mailer_is_refused(core: UserCore) -> None:
    core = over(core, mailer=None)
    with pytest.raises(RuntimeError, match="needs a mailer"):
        core.passwords.request_reset(ANN)


@pytest.mark.rule("P5")
@pytest.mark.parametrize("value", [None, 7, b"ann@example.com", Email(ANN)])
def test_values_of_the_wrong_type_are_refused(core: UserCore, mailer: MemoryMailer, value: object) -> None:
    register(core, password=PASSWORD)
    link = link_of(core, mailer)
    with refused(core, TypeError, but=()):
        core.passwords.request_reset(value)  # type: ignore[arg-type]  # what is tested
    with refused(core, TypeError, but=()):
        core.passwords.reset(link, value)  # type: ignore[arg-type]  # what is tested
    with refused(core, TypeError, but=()):
        core.passwords.reset(value, PASSWORD)  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("P5", "K7")
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_link_that_ends_while_the_password_is_hashed_does_not_reset(
    core: UserCore, storage: WatchedStorage, mailer: MemoryMailer, ending: str
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    user = register(core)
    link = link_of(core, mailer)
    hasher.meanwhile = lambda: ENDINGS[ending](core, user)
    with pytest.raises(TokenRevoked):
        core.passwords.reset(link, "pelicans seven over Trnava")
    assert not enters(core, "pelicans seven over Trnava")


@pytest.mark.rule("P5", "K7", "S3")
@pytest.mark.parametrize("meanwhile", ["inactive tenant", "unclaimed", "expired"])
def test_a_link_is_checked_again_after_the_password_was_hashed(
    core: UserCore, clock: FakeClock, storage: WatchedStorage, mailer: MemoryMailer, meanwhile: str
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    add_tenant(core)
    acme = core.tenant("acme")
    user = register(acme, password=PASSWORD)
    link = link_of(acme, mailer)
    changes: dict[str, tuple[Callable[[], object], type[TokenInvalid]]] = {
        "inactive tenant": (lambda: core.tenant("system").tenants.deactivate("acme"), TokenUnknown),
        "unclaimed": (lambda: unclaim(acme, user), TokenUnknown),
        "expired": (lambda: clock.advance(timedelta(hours=5)), TokenExpired),
    }
    hasher.meanwhile, error = changes[meanwhile]
    with pytest.raises(error):
        acme.passwords.reset(link, "pelicans seven over Trnava")
    assert [entry.new["reason"] for entry in acme.history.password_changes(user.id)] == ["registration"]


@pytest.mark.rule("P5", "K7")
def test_a_changed_password_ends_a_link_also_if_the_policy_keeps_tokens(core: UserCore, mailer: MemoryMailer) -> None:
    kept = RevocationPolicy(keep_at_password_change=True)
    core = over(core, policy=attrs.evolve(core.policy, revocation=kept))
    user = register(core, password=PASSWORD)
    link = link_of(core, mailer)
    core.passwords.change(sign_in(core, user), PASSWORD, ANOTHER)
    with refused(core, TokenRevoked, but=()):
        core.passwords.reset(link, PASSWORD)
