"""The last admin who can sign in can be neither deactivated nor kept from it, whatever happens at the same time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest

from tests.services.helpers import ANN, PASSWORD, fail, refused, register, unchanged, unclaim
from usercore import LastAdmin, PasswordPolicy, User, UserCore, Username, UserState, WrongState
from usercore.kernel.entity import evolve
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing import FakeClock


@pytest.fixture
def system(core: UserCore) -> UserCore:
    return core.tenant("system")


@pytest.fixture
def admin(system: UserCore) -> User:
    return register(system, password=PASSWORD)


@pytest.mark.rule("T5")
def test_the_last_active_admin_cannot_be_deactivated(system: UserCore, admin: User) -> None:
    bob = register(system, "bob", password=PASSWORD)
    system.users.deactivate(bob.id)
    with refused(system, LastAdmin):
        system.users.deactivate(admin.id)
    with unchanged(system):
        assert system.users.deactivate(bob.id).state is UserState.DEACTIVATED
    system.users.activate(bob.id)
    assert system.users.deactivate(admin.id).state is UserState.DEACTIVATED
    with refused(system, LastAdmin):
        system.users.deactivate(bob.id)


@pytest.mark.rule("T5")
def test_an_admin_who_is_not_active_does_not_count(system: UserCore, admin: User) -> None:
    unclaimed = register(system, "bob", password=PASSWORD)
    unclaim(system, unclaimed)
    with refused(system, LastAdmin):
        system.users.deactivate(admin.id)
    with refused(system, WrongState):
        system.users.deactivate(unclaimed.id)


@pytest.mark.rule("T5", "P8")
def test_an_admin_whose_hash_cannot_be_verified_does_not_count(system: UserCore, admin: User) -> None:
    bob = register(system, "bob", password=PASSWORD)

    def damage(unit: Unit) -> None:
        unit.users.lock(bob.id)
        (credential,) = unit.credentials.get_many([bob.id])
        unit.credentials.put(evolve(credential, hash="of an unknown format", version=credential.version + 1))

    units: Units[Unit] = system._service.units
    units.write(damage)
    for refuse in (system.users.deactivate, system.passwords.mark_suspicious):
        with refused(system, LastAdmin):
            refuse(admin.id)
    assert system.users.deactivate(bob.id).state is UserState.DEACTIVATED


@pytest.mark.rule("T5")
def test_the_last_active_user_of_another_tenant_can_be_deactivated(core: UserCore, admin: User) -> None:
    user = register(core)
    assert core.users.deactivate(user.id).state is UserState.DEACTIVATED
    assert admin.is_admin
    assert not user.is_admin


@pytest.mark.rule("T5", "S7")
def test_the_password_of_the_last_active_admin_is_never_void(system: UserCore, admin: User, clock: FakeClock) -> None:
    bob = register(system, "bob", password=PASSWORD)
    for _ in range(100):
        fail(system, ANN)
        clock.advance(timedelta(minutes=15))
    assert "password_void" in system.history.explain(admin.id)
    system.users.deactivate(bob.id)
    assert "password_void" not in system.history.explain(admin.id)
    assert system.sign_in.with_password(ANN, PASSWORD).user.id == admin.id


@pytest.mark.rule("T5", "S7")
def test_the_password_of_the_holder_of_a_privileged_role_can_become_void(core: UserCore, clock: FakeClock) -> None:
    user = register(core, password=PASSWORD)
    core.roles.give(user.id, core.roles.create("Staff", privileged=True).id)
    for _ in range(100):
        fail(core, ANN)
        clock.advance(timedelta(minutes=15))
    assert core.history.explain(user.id) == ("password_void", "password_only")


@pytest.mark.rule("T5", "P7")
@pytest.mark.parametrize("take", ["deactivate", "mark_suspicious"])
def test_the_last_admin_who_can_sign_in_stays_able_to(system: UserCore, admin: User, take: str) -> None:
    bob = register(system, "bob", password=PASSWORD)
    system.passwords.mark_suspicious(bob.id)
    calls = {"deactivate": system.users.deactivate, "mark_suspicious": system.passwords.mark_suspicious}
    with refused(system, LastAdmin):
        calls[take](admin.id)
    system.outbox.deliver()  # the generated password of the other one is mailed
    calls[take](admin.id)
    with refused(system, LastAdmin):
        calls[take](bob.id)


@pytest.mark.rule("T5")
def test_an_admin_whose_generated_password_has_expired_does_not_count(
    system: UserCore, admin: User, clock: FakeClock
) -> None:
    bob = register(system, "bob", password=PASSWORD)
    system.passwords.mark_suspicious(bob.id)
    system.outbox.deliver()
    clock.advance(PasswordPolicy().generated_lifetime)
    with refused(system, LastAdmin):
        system.users.deactivate(admin.id)


@pytest.mark.rule("T5")
def test_admins_whom_only_the_host_signs_in_can_be_deactivated_but_the_last(system: UserCore) -> None:
    ann, bob = register(system), register(system, "bob")
    system.users.deactivate(ann.id)
    with refused(system, LastAdmin):
        system.users.deactivate(bob.id)


@pytest.mark.rule("T5")
def test_the_last_admin_who_can_sign_in_keeps_the_username(system: UserCore) -> None:
    system.registration.import_users([{"username": "root", "external_id": 17}])
    root = system.users.get(Username("root"))
    register(system, "bob")
    assert system.users.update(root.id, username=None).username is None, (
        "without a password, the username did not let anyone sign in"
    )
    system.users.update(root.id, username="root")
    system.passwords.set(root.id, PASSWORD)
    with refused(system, LastAdmin):
        system.users.update(root.id, username="")
    assert system.users.update(root.id, username="toor").username == "toor"
    register(system, "cleo", password=PASSWORD)
    assert system.users.update(root.id, username=None).username is None


@pytest.mark.rule("T5", "S7")
def test_wrong_passwords_void_no_password_of_an_admin_if_those_of_all_others_had_as_many(
    system: UserCore, admin: User, clock: FakeClock
) -> None:
    bob = register(system, "bob", password=PASSWORD)
    for _ in range(100):
        fail(system, ANN)
        fail(system, "bob@example.com")
        clock.advance(timedelta(minutes=15))
    assert ["password_void" in system.history.explain(one.id) for one in (admin, bob)] == [False, False]
    assert system.sign_in.with_password(ANN, PASSWORD).user.id == admin.id
    assert "password_void" in system.history.explain(bob.id), "now another admin can sign in"


@pytest.mark.rule("T5")
@pytest.mark.parametrize("attempt", range(3))
def test_of_two_admins_who_deactivate_each_other_one_stays(system: UserCore, admin: User, attempt: int) -> None:
    bob, barrier = register(system, f"bob{attempt}", password=PASSWORD), Barrier(2)

    def deactivate(victim: User) -> type[Exception] | None:
        with suppress(BrokenBarrierError):
            barrier.wait(10)
        try:
            system.users.deactivate(victim.id)
        except LastAdmin:
            return LastAdmin
        return None

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(deactivate, [admin, bob]))
    assert outcomes == {None, LastAdmin}
    assert [system.users.get(one.id).state for one in (admin, bob)].count(UserState.ACTIVE) == 1
