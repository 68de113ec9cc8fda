"""Setting a password: which ones are accepted, what is revoked, and what is stored."""

import pytest

from tests.services.helpers import (
    ANOTHER,
    PASSWORD,
    BusyHasher,
    credential_of,
    dump,
    over,
    refused,
    register,
)
from usercore import (
    Actor,
    Email,
    Overloaded,
    PasswordRefused,
    SignInRefused,
    UserCore,
    UserNotFound,
)
from usercore.passwords.model import PasswordChange
from usercore.testing import NOON, FakeClock, FakeHasher, WatchedStorage
from usercore.testing.fakes import check_closed


def enter(core: UserCore, password: str) -> bool:
    try:
        core.sign_in.with_password("ann@example.com", password)
    except SignInRefused:
        return False
    return True


@pytest.mark.rule("P5", "P6")
def test_the_new_password_works_at_once_and_the_old_one_no_longer(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    clock.tick()
    assert core.passwords.set(user.id, ANOTHER)
    assert [enter(core, password) for password in (PASSWORD, ANOTHER)] == [False, True]
    facts = core.users.status(user.id)
    assert (facts.password_set, facts.password_changed_at, facts.must_change_password) == (True, clock.now, False)


@pytest.mark.rule("P6", "X2")
def test_setting_a_password_is_recorded_without_its_hash(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    token = core.sign_in.trusted(user.id).access_token
    assert token is not None
    clock.tick()
    core.bind(actor=Actor.operator("Zoë"), ip="192.0.2.1").passwords.set(user.id, ANOTHER)
    told, ended, changed = core.history.of_user(user.id).rows[:3]
    assert (told.kind, told.new) == ("password.replaced", {"reason": "reset", "email": "ann@example.com"})
    assert (changed.kind, changed.new) == ("password.set", {"reason": "reset", "set_at": clock.now.isoformat()})
    assert (changed.at, changed.actor, changed.ip) == (clock.now, "operator:Zoë", "192.0.2.1")
    assert (ended.kind, ended.new) == (
        "tokens.revoked",
        {
            "access": 1,
            "login": 0,
            "autologin": 0,
            "links": 0,
            "challenges": 0,
            "devices": 0,
            "reason": "password.set",
        },
    )
    assert "fake$" not in repr(dump(core)["history"])


@pytest.mark.rule("P6")
def test_each_password_is_stored_with_its_reason_and_version(core: UserCore) -> None:
    user = register(core, password=PASSWORD)
    kept = [credential_of(core, user.id)]
    core.passwords.set(user.id, ANOTHER)
    kept.append(credential_of(core, user.id))
    numbered = [(one.reason, one.version) for one in kept if one is not None]
    assert numbered == [(PasswordChange.REGISTRATION, 1), (PasswordChange.RESET, 2)]


@pytest.mark.rule("P2")
@pytest.mark.parametrize(
    ("password", "reasons"),
    [
        ("qwerty12345", ("too_short", "common")),
        ("aaaaaaaaaaaaaaaa", ("common",)),
        ("ann.lee@example.com", ("personal",)),
        ("correct horse\0 battery", ("forbidden",)),
        ("\ud800 horse battery staple", ("forbidden",)),
        ("x" * 1025, ("too_long",)),
        ("ž" * 513, ("too_long",)),
    ],
    ids=["short", "common", "personal", "control", "surrogate", "long", "long in bytes"],
)
def test_a_weak_password_changes_nothing(
    core: UserCore, hasher: FakeHasher, password: str, reasons: tuple[str, ...]
) -> None:
    user = register(core, "ann.lee")
    with refused(core, PasswordRefused, but=()) as raised:
        core.passwords.set(user.id, password)
    assert raised.value.reasons == reasons
    assert password not in str(raised.value)
    assert hasher.hashes == 0


@pytest.mark.rule("P2")
def test_the_checks_of_the_host_are_called_outside_any_unit(core: UserCore, storage: WatchedStorage) -> None:
    def check(password: str) -> str | None:
        check_closed(storage, "a password was checked")
        return "breached" if password == ANOTHER else None

    core = over(core, password_checks=[check])
    user = register(core, password=PASSWORD)
    with refused(core, PasswordRefused, but=()) as raised:
        core.passwords.set(user.id, ANOTHER)
    assert raised.value.reasons == ("breached",)
    with refused(core, PasswordRefused):
        register(core, "bob", password=ANOTHER)


@pytest.mark.rule("P2")
def test_passwords_are_compared_after_normalising_spaces_and_unicode(core: UserCore) -> None:
    user = register(core)
    core.passwords.set(user.id, "Žltý kôň, 7 pelikánov")
    assert enter(core, "Žltý\u00a0kôň, 7 pelikánov")
    assert enter(core, "Z\u030clty\u0301 ko\u0302n\u030c, 7 pelika\u0301nov")


@pytest.mark.rule("P5")
def test_setting_the_password_of_an_unknown_user_is_refused(core: UserCore, hasher: FakeHasher) -> None:
    for unknown in (7, Email("nobody@example.com")):
        with refused(core, UserNotFound, but=()):
            core.passwords.set(unknown, PASSWORD)
    assert hasher.hashes == 0
    user = register(core)
    for wrong in (None, 7, b"correct horse battery staple"):
        with refused(core, TypeError, but=()):
            core.passwords.set(user.id, wrong)  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("P4")
def test_an_overloaded_hasher_changes_nothing(core: UserCore, hasher: FakeHasher) -> None:
    user = register(core)
    hasher.is_overloaded = True
    with refused(core, Overloaded, but=()):
        core.passwords.set(user.id, PASSWORD)
    with refused(core, Overloaded):
        register(core, "bob", password=PASSWORD)


@pytest.mark.rule("P5")
def test_of_two_concurrent_passwords_the_last_one_stored_works(core: UserCore, storage: WatchedStorage) -> None:
    hasher = BusyHasher(storage)
    core = over(core, hasher=hasher)
    user = register(core)
    hasher.meanwhile = lambda: core.passwords.set(user.id, ANOTHER)
    core.passwords.set(user.id, PASSWORD)
    assert [enter(core, password) for password in (PASSWORD, ANOTHER)] == [True, False]


@pytest.mark.rule("P5", "U2")
def test_the_password_of_a_deactivated_user_can_be_set_but_does_not_sign_in(core: UserCore) -> None:
    user = register(core)
    core.users.deactivate(user.id)
    core.passwords.set(user.id, PASSWORD)
    assert not enter(core, PASSWORD)
    core.users.activate(user.id)
    assert enter(core, PASSWORD)


@pytest.mark.rule("P5", "R6")
def test_a_password_that_replaces_a_temporary_one_does_not_expire(core: UserCore, clock: FakeClock) -> None:
    user = core.registration.register("ann@example.com").user
    core.outbox.deliver()
    core.passwords.set(user.id, PASSWORD)
    assert not core.users.status(user.id).must_change_password
    clock.now = NOON.replace(year=2027)
    assert enter(core, PASSWORD)
