"""Signing in by a password while another transaction changes data between two of its reads.

It reads the user of the login, then the counters, and then hashes.
"""

from collections.abc import Callable

import pytest

from tests.services.helpers import ANN, ANOTHER, PASSWORD, BusyStorage, add_tenant, fail, register
from usercore import AttemptStatus, RateLimited, SignInRefused, User, UserCore
from usercore.testing import FakeHasher, WatchedStorage

LOOKS = (1, 2)
"""The number of reads after which the change is made."""


@pytest.fixture
def busy(storage: WatchedStorage) -> BusyStorage:
    return BusyStorage(storage)


@pytest.fixture
def late(core: UserCore, busy: BusyStorage) -> UserCore:
    """Return a core with the same storage, between whose reads a callback runs."""
    return over_busy(core, busy)


@pytest.fixture
def ann(core: UserCore) -> User:
    return register(core, password=PASSWORD)


def over_busy(core: UserCore, busy: BusyStorage) -> UserCore:
    return UserCore.over(busy, core._runtime.host)


def happening(busy: BusyStorage, meanwhile: Callable[[], object], *, after: int) -> None:
    """Call ``meanwhile`` after this number of reads."""
    busy.meanwhile, busy.looks = meanwhile, after


@pytest.mark.rule("S4")
@pytest.mark.parametrize("after", LOOKS)
def test_a_password_that_changes_between_the_reads_does_not_sign_in(
    core: UserCore, late: UserCore, busy: BusyStorage, ann: User, after: int
) -> None:
    happening(busy, lambda: core.passwords.set(ann.id, ANOTHER), after=after)
    with pytest.raises(SignInRefused):
        late.sign_in.with_password(ANN, PASSWORD)
    assert core.history.attempts(ann.id).rows[0].status is AttemptStatus.WRONG_PASS
    assert core.access_tokens.list(ann.id).rows == ()
    assert core.users.get(ann.id).last_sign_in_at is None


@pytest.mark.rule("S3")
@pytest.mark.parametrize("after", LOOKS)
def test_a_user_who_is_deactivated_between_the_reads_is_refused(
    core: UserCore, late: UserCore, busy: BusyStorage, ann: User, after: int
) -> None:
    happening(busy, lambda: core.users.deactivate(ann.id), after=after)
    with pytest.raises(SignInRefused):
        late.sign_in.with_password(ANN, PASSWORD)
    assert core.history.attempts(ann.id).rows[0].status is AttemptStatus.INACTIVE_USER
    assert core.access_tokens.list(ann.id).rows == ()


@pytest.mark.rule("T3")
@pytest.mark.parametrize("after", LOOKS)
def test_a_tenant_that_is_deactivated_between_the_reads_refuses_the_sign_in(
    core: UserCore, busy: BusyStorage, after: int
) -> None:
    add_tenant(core)
    tenants, acme, late = core.tenant("system").tenants, core.tenant("acme"), over_busy(core, busy).tenant("acme")
    tenants.activate("acme")
    user = register(acme, password=PASSWORD)
    happening(busy, lambda: tenants.deactivate("acme"), after=after)
    with pytest.raises(SignInRefused):
        late.sign_in.with_password(ANN, PASSWORD)
    assert acme.history.attempts(user.id).rows[0].status is AttemptStatus.INACTIVE_USER


@pytest.mark.rule("S4", "U3")
@pytest.mark.parametrize("after", LOOKS)
def test_an_email_that_moves_between_the_reads_does_not_sign_in_its_new_user(
    core: UserCore, late: UserCore, busy: BusyStorage, ann: User, after: int
) -> None:
    bob = register(core, "bob", password=ANOTHER)

    def move() -> None:
        core.emails.change(ann.id, "lee@example.com")
        core.emails.change(bob.id, ANN)

    happening(busy, move, after=after)
    with pytest.raises(SignInRefused):
        late.sign_in.with_password(ANN, ANOTHER)
    assert core.access_tokens.list(ann.id).rows == core.access_tokens.list(bob.id).rows == ()
    assert late.sign_in.with_password(ANN, ANOTHER).user.id == bob.id
    happening(busy, lambda: core.emails.change(bob.id, "bob@example.com"), after=after)
    assert late.sign_in.with_password(ANN, ANOTHER).user.id == bob.id
    with pytest.raises(SignInRefused):
        late.sign_in.with_password(ANN, ANOTHER)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("after", LOOKS)
@pytest.mark.usefixtures("ann")
def test_a_tenth_failure_counted_between_the_reads_is_respected(
    core: UserCore, late: UserCore, busy: BusyStorage, hasher: FakeHasher, after: int
) -> None:
    fail(core, times=9)
    happening(busy, lambda: fail(core), after=after)
    hasher.hashes = 0
    with pytest.raises(RateLimited):
        late.sign_in.with_password(ANN, PASSWORD)
    assert hasher.hashes == 1, "that of the failure"
