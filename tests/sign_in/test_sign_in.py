"""Signing in: the result of a success, what is stored of each attempt, and that refusals are indistinguishable."""

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.services.helpers import (
    ANOTHER,
    PASSWORD,
    TRIES,
    Badge,
    BusyHasher,
    Door,
    credential_of,
    over,
    recorded,
    refused,
    register,
    sign_in,
    unchanged,
    unclaim,
)
from usercore import (
    AttemptStatus,
    Email,
    HashProfile,
    Identity,
    Overloaded,
    PasswordPolicy,
    Secret,
    SignInRefused,
    User,
    UserCore,
    UserNotFound,
)
from usercore.kernel.entity import evolve
from usercore.passwords.hasher import Argon2Hasher
from usercore.testing import FakeClock, FakeHasher, WatchedStorage

CHEAP = HashProfile(name="cheap", memory_kib=64, passes=1, lanes=1, source="tests")
CHEAPER = HashProfile(name="cheaper", memory_kib=32, passes=1, lanes=1, source="tests")


def enter(core: UserCore, login: str = "ann@example.com", password: str = PASSWORD) -> None:
    core.sign_in.with_password(login, password)


@pytest.fixture
def people(core: UserCore) -> UserCore:
    """Return a core with a user in each state."""
    register(core, password=PASSWORD)
    register(core, "nopassword")
    core.users.deactivate(register(core, "deactivated", password=PASSWORD).id)
    unclaim(core, register(core, "unclaimed", password=PASSWORD))
    return core


REFUSED_SIGN_INS: dict[str, tuple[str, str, AttemptStatus]] = {
    "unknown": ("nobody@example.com", PASSWORD, AttemptStatus.NOT_FOUND),
    "wrong password": ("ann@example.com", "wrong", AttemptStatus.WRONG_PASS),
    "no password": ("nopassword@example.com", PASSWORD, AttemptStatus.WRONG_PASS),
    "deactivated": ("deactivated@example.com", PASSWORD, AttemptStatus.INACTIVE_USER),
    "deactivated, wrong password": ("deactivated@example.com", "wrong", AttemptStatus.WRONG_PASS),
    "unclaimed": ("unclaimed@example.com", PASSWORD, AttemptStatus.UNCLAIMED_USER),
    "impossible password": ("ann@example.com", "\ud800", AttemptStatus.WRONG_PASS),
    "endless password": ("ann@example.com", "x" * 1025, AttemptStatus.WRONG_PASS),
}


@pytest.mark.rule("S4", "P3")
@pytest.mark.parametrize("case", REFUSED_SIGN_INS)
def test_all_refusals_look_the_same_to_the_caller(people: UserCore, hasher: FakeHasher, case: str) -> None:
    watched, recorder = recorded(people)
    usual = recorder.names_of(lambda: enter(watched, "somebody@example.com", "wrong"))
    login, password, status = REFUSED_SIGN_INS[case]
    hasher.hashes = hasher.places = 0
    recorder.names.clear()
    with refused(people, SignInRefused) as raised:
        enter(watched, login, password)
    assert recorder.names == usual
    assert (str(raised.value), raised.value.args, raised.value.__cause__) == ("sign_in.refused", (), None)
    assert (hasher.hashes, hasher.places) == (1, 1)
    user = people.users.find(Email(login))
    attempt = people.history.attempts(user.id if user else None).rows[0]
    assert (attempt.status, attempt.login, attempt.authenticator) == (status, login, "password")


@pytest.mark.rule("S4")
@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("deactivated", ("inactive_user",)),
        ("nopassword", ("no_password",)),
        ("unclaimed", ("unclaimed_user",)),
        ("ann", ()),
    ],
)
def test_explain_tells_operators_why_a_user_cannot_sign_in(
    people: UserCore, name: str, reasons: tuple[str, ...]
) -> None:
    assert people.history.explain(Email(f"{name}@example.com")) == reasons


@pytest.mark.rule("S5")
def test_a_success_returns_an_identity_and_a_token(core: UserCore, clock: FakeClock) -> None:
    user = register(core, username="ann", password=PASSWORD)
    clock.tick()
    identity = core.bind(ip="192.0.2.1").sign_in.with_password("ANN@Example.com", PASSWORD, source="web")
    assert (identity.user.id, identity.authenticator, identity.source) == (user.id, "password", "web")
    assert (identity.authenticated_at, identity.must_change_password, identity.roles) == (clock.now, False, ())
    assert identity.access_token is not None
    shown = core.sign_in.identify(identity.access_token)
    assert (shown.user, shown.authenticated_at, shown.source) == (identity.user, clock.now, "web")
    kept = core.users.get(user.id)
    assert (kept.last_sign_in_at, kept.last_sign_in_ip, kept.version) == (clock.now, "192.0.2.1", user.version)
    enter(core, "Ann")


WAYS: dict[str, Callable[[UserCore, User, Secret], Identity]] = {
    "password": lambda core, user, _: core.sign_in.with_password(str(user.email), PASSWORD),
    "login token": lambda core, user, _: core.sign_in.with_login_token(core.login_tokens.issue(user.id)),
    "access token": lambda core, _, token: core.sign_in.with_access_token(token),
    "host's word": lambda core, user, _: core.sign_in.trusted(user.id),
    "door": lambda core, user, _: over(core, authenticators=(Door(answer=lambda: user.id),)).sign_in.authenticate(
        Badge(1)
    ),
}


@pytest.mark.rule("S5", "U1")
@pytest.mark.parametrize("way", WAYS)
def test_every_method_stores_instant_and_address_of_the_last_sign_in(
    core: UserCore, clock: FakeClock, way: str
) -> None:
    user = register(core, password=PASSWORD)
    token = sign_in(core, user)
    clock.tick()
    shown = WAYS[way](core.bind(ip="192.0.2.1"), user, token).user
    assert shown == core.users.get(user.id)
    assert (shown.last_sign_in_at, shown.last_sign_in_ip, shown.version) == (clock.now, "192.0.2.1", user.version)


@pytest.mark.rule("S3", "S5")
@pytest.mark.parametrize("way", WAYS)
def test_a_refused_user_keeps_the_previous_last_sign_in(core: UserCore, clock: FakeClock, way: str) -> None:
    user = register(core, password=PASSWORD)
    token = sign_in(core, user)
    core.users.deactivate(user.id)
    before = core.users.get(user.id)
    clock.tick()
    with pytest.raises(SignInRefused):
        WAYS[way](core.bind(ip="192.0.2.1"), user, token)
    assert last_sign_in(core.users.get(user.id)) == last_sign_in(before)


@pytest.mark.rule("T5", "S5")
@pytest.mark.parametrize("way", ["login token", "access token", "host's word"])
def test_an_operator_refused_by_a_weak_method_keeps_the_previous_last_sign_in(
    core: UserCore, clock: FakeClock, way: str
) -> None:
    system = core.tenant("system")
    admin = register(system, "root", password=PASSWORD)
    asserted_by_host = system.sign_in.trusted(admin.id, allow_privileged=True)
    assert asserted_by_host.access_token is not None
    clock.tick()
    with pytest.raises(SignInRefused):
        WAYS[way](system.bind(ip="192.0.2.1"), admin, asserted_by_host.access_token)
    assert last_sign_in(system.users.get(admin.id)) == last_sign_in(asserted_by_host.user)


def last_sign_in(user: User) -> tuple[datetime | None, str | None]:
    return user.last_sign_in_at, user.last_sign_in_ip


@pytest.mark.rule("S5", "S9")
def test_signing_in_by_an_access_token_issues_no_other(core: UserCore) -> None:
    user = register(core)
    token = sign_in(core, user)
    identity = core.sign_in.with_access_token(token, source="crm")
    assert (identity.user.id, identity.authenticator, type(identity)) == (user.id, "access_token", Identity)
    assert len(core.access_tokens.list(user.id)) == 1


@pytest.mark.rule("S4")
def test_a_password_that_changes_while_it_is_hashed_does_not_sign_in(core: UserCore, storage: WatchedStorage) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    user = register(core, password=PASSWORD)
    hasher.meanwhile = lambda: core.passwords.set(user.id, ANOTHER)
    with pytest.raises(SignInRefused):
        enter(core)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.WRONG_PASS
    assert core.access_tokens.list(user.id).rows == ()


@pytest.mark.rule("S3")
def test_a_user_who_is_deactivated_while_the_password_is_hashed_is_refused(
    core: UserCore, storage: WatchedStorage
) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    user = register(core, password=PASSWORD)
    hasher.meanwhile = lambda: core.users.deactivate(user.id)
    with pytest.raises(SignInRefused):
        enter(core)
    assert core.history.attempts(user.id).rows[0].status is AttemptStatus.INACTIVE_USER


@pytest.mark.rule("P4")
def test_the_hash_slot_is_acquired_before_the_storage_is_read(core: UserCore, hasher: FakeHasher) -> None:
    register(core, password=PASSWORD)
    watched, recorder = recorded(core)
    hasher.is_overloaded = True
    with refused(core, Overloaded, but=()):
        assert recorder.names_of(lambda: enter(watched)) == []
        enter(core)


@pytest.mark.rule("P1")
def test_an_older_hash_is_replaced_at_the_next_sign_in(core: UserCore, clock: FakeClock) -> None:
    old = over(core, hasher=Argon2Hasher(PasswordPolicy(profile=CHEAPER)))
    new = over(core, hasher=Argon2Hasher(PasswordPolicy(profile=CHEAP)))
    user = register(old, password=PASSWORD)
    clock.tick()
    with pytest.raises(SignInRefused):
        enter(new, password="wrong")
    before = credential_of(core, user.id)
    assert before is not None
    assert "m=32," in before.hash
    with unchanged(core, but={"attempts", "failure_counters", "users", "credentials", "access_tokens", "history"}):
        enter(new)
    after = credential_of(core, user.id)
    assert after is not None
    assert "m=64," in after.hash
    assert evolve(after, hash=before.hash) == before
    enter(new)
    assert credential_of(core, user.id) == after


@pytest.mark.rule("T5")
def test_only_a_password_or_an_explicit_permission_of_the_host_signs_an_operator_in(core: UserCore) -> None:
    system = core.tenant("system")
    admin = register(system, "root", password=PASSWORD)
    assert system.sign_in.with_password("root@example.com", PASSWORD).user.id == admin.id
    token = system.sign_in.trusted(admin.id, allow_privileged=True).access_token
    assert token is not None
    weak: tuple[Callable[[], object], ...] = (
        lambda: system.sign_in.with_login_token(system.login_tokens.issue(admin.id)),
        lambda: system.sign_in.with_access_token(token),
        lambda: system.sign_in.trusted(admin.id),
    )
    for way in weak:
        with refused(system, SignInRefused, but=TRIES | {"limited_use_tokens", "history"}):
            way()
        assert system.history.attempts(admin.id).rows[0].status is AttemptStatus.REFUSED
    assert system.sign_in.identify(token).user.id == admin.id
    assert system.history.explain(admin.id) == ("password_only",)
    assert "access_token.asserted_by_host" in [entry.kind for entry in system.history.of_user(admin.id).rows]


@pytest.mark.rule("T5")
def test_registering_signs_an_operator_in_only_by_a_password(core: UserCore) -> None:
    register_in_system = core.tenant("system").registration.register
    assert register_in_system("root@example.com", sign_in=True).access_token is None
    assert register_in_system("ops@example.com", password=PASSWORD, sign_in=True).access_token is not None


@pytest.mark.rule("S2", "T5")
def test_trusted_signs_in_the_named_user(core: UserCore) -> None:
    user = register(core)
    identity = core.sign_in.trusted(user.id, source="sso")
    assert (identity.user.id, identity.authenticator, identity.source) == (user.id, "trusted", "sso")
    assert "access_token.asserted_by_host" not in [entry.kind for entry in core.history.of_user(user.id).rows]
    with refused(core, UserNotFound, but=()):
        core.sign_in.trusted(Email("nobody@example.com"))
