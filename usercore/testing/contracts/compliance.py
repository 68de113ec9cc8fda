"""What every storage must do for checks of compliance."""

from datetime import datetime, timedelta
from typing import Final

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import RoleId, TenantId, UserId
from usercore.kernel.secret import digest_of
from usercore.kernel.units import Units
from usercore.outbox.model import DeliveryState
from usercore.storage import Unit
from usercore.storage.compliance import AccountSecurity, OldestRows
from usercore.testing.contracts.base import Contract, store, write_and_fail
from usercore.testing.contracts.passkeys import passkey
from usercore.testing.contracts.second_factors import FACTOR, PENDING
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import (
    ACCESS_TOKEN,
    ACME,
    ANN,
    BOB,
    CREDENTIAL,
    LIMITED_USE_TOKEN,
    a_delivery,
    a_registration_attempt,
    a_role,
    a_role_assignment,
    a_user,
    an_attempt,
)
from usercore.users.model import NO_ACCESS_IDS, UserState

_NOTHING: Final = UserId(0)


def add_user(
    units: Units[Unit],
    user_id: UserId,
    *,
    state: UserState = UserState.ACTIVE,
    email: str | None = None,
    verified_at: datetime | None = None,
    tenant_id: TenantId = MAIN,
) -> None:
    """Store a user without claims."""
    user = a_user(
        id=user_id, tenant_id=tenant_id, state=state, email=email, email_verified_at=verified_at, username=None
    )
    bare = evolve(user, external_id=None, access_ids=NO_ACCESS_IDS, supplied_uuid=None, change_no=1)
    store(units, lambda unit: unit.users.add, bare)


def accounts(units: Units[Unit], after: UserId = _NOTHING, limit: int = 1000) -> list[AccountSecurity]:
    """Return what signs the users in."""
    return units.read(lambda unit: unit.compliance.list_accounts(after, limit=limit))


def bare_account(user_id: UserId) -> AccountSecurity:
    """Return the account of a user who has nothing that signs in."""
    return AccountSecurity(
        user_id=user_id,
        has_unverified_email=False,
        is_privileged=False,
        credential=None,
        factors=(),
        has_passkey=False,
        access_tokens=(),
        limited_use_tokens=(),
    )


class ComplianceContract(Contract):
    """One case for each guarantee of ``ComplianceLookup``."""

    def test_active_users_are_listed_by_id_from_a_place_on(self, main: Units[Unit]) -> None:
        for number, state in enumerate(UserState):
            add_user(main, UserId(BOB + 1 + number), state=state)
        add_user(main, BOB)
        add_user(main, ANN)
        active = BOB + 1 + list(UserState).index(UserState.ACTIVE)
        assert [one.user_id for one in accounts(main)] == [ANN, BOB, active]
        assert [one.user_id for one in accounts(main, limit=1)] == [ANN]
        assert [one.user_id for one in accounts(main, ANN, limit=1)] == [BOB]
        assert accounts(main, UserId(1000)) == []

    def test_what_signs_a_user_in_comes_with_the_user(self, main: Units[Unit]) -> None:
        add_user(main, ANN)
        add_user(main, BOB)
        revoked = evolve(ACCESS_TOKEN, digest=digest_of("revoked"), revoked_at=NOON)
        used_up = evolve(LIMITED_USE_TOKEN, digest=digest_of("used"), uses=1, redeemed_at=NOON)
        ended = evolve(LIMITED_USE_TOKEN, digest=digest_of("ended"), revoked_at=NOON)
        role = a_role(id=RoleId(601), active=True, privileged=True)

        def work(unit: Unit) -> None:
            unit.credentials.add_many([CREDENTIAL])
            unit.second_factors.add(evolve(FACTOR, id=602))
            unit.second_factors.add(FACTOR)
            unit.second_factors.add(evolve(PENDING, id=603))
            unit.passkeys.add(passkey())
            unit.roles.add(role)
            unit.role_assignments.add(a_role_assignment(user_id=ANN, role_id=role.id))
            for token in (ACCESS_TOKEN, revoked):
                unit.access_tokens.add(token)
            for one in (LIMITED_USE_TOKEN, used_up, ended):
                unit.limited_use_tokens.add(one)

        write_and_fail(main, work)
        assert accounts(main) == [bare_account(ANN), bare_account(BOB)]
        main.write(work)
        ann, bob = accounts(main)
        (token,) = ann.access_tokens
        assert evolve(token, user_agent=ACCESS_TOKEN.user_agent) == ACCESS_TOKEN
        assert ann._replace(access_tokens=()) == AccountSecurity(
            user_id=ANN,
            has_unverified_email=False,
            is_privileged=True,
            credential=CREDENTIAL,
            factors=(FACTOR, evolve(FACTOR, id=602)),
            has_passkey=True,
            access_tokens=(),
            limited_use_tokens=(LIMITED_USE_TOKEN,),
        )
        assert bob == bare_account(BOB)

    def test_only_an_active_privileged_role_makes_a_user_privileged(self, main: Units[Unit]) -> None:
        for number, (active, privileged) in enumerate([(True, False), (False, True), (True, True)]):
            user_id, role_id = UserId(ANN + number), RoleId(601 + number)
            add_user(main, user_id)
            role = a_role(id=role_id, name=f"role {number}", active=active, privileged=privileged)
            store(main, lambda unit: unit.roles.add, role)
            given = a_role_assignment(user_id=user_id, role_id=role_id)
            store(main, lambda unit: unit.role_assignments.add, given)
        assert [one.is_privileged for one in accounts(main)] == [False, False, True]

    def test_an_email_is_unverified_until_it_was_verified(self, main: Units[Unit]) -> None:
        add_user(main, UserId(201))
        add_user(main, UserId(202), email="ann@example.com")
        add_user(main, UserId(203), email="bob@example.com", verified_at=NOON)
        assert [one.has_unverified_email for one in accounts(main)] == [False, True, False]

    def test_users_of_other_tenants_are_not_listed(self, main: Units[Unit], acme: Units[Unit]) -> None:
        add_user(main, ANN)
        add_user(acme, BOB, tenant_id=ACME)
        assert [one.user_id for one in accounts(main)] == [ANN]
        assert [one.user_id for one in accounts(acme)] == [BOB]

    def test_the_oldest_rows_of_all_tenants_are_found(self, main: Units[Unit], acme: Units[Unit]) -> None:
        assert main.read(lambda unit: unit.compliance.oldest_rows()) == OldestRows(None, None, None)
        early, late = NOON - timedelta(days=400), NOON
        for number, at in enumerate((late, early)):
            store(main, lambda unit: unit.attempts.add, an_attempt(id=401 + number, at=at))
            attempt = a_registration_attempt(id=501 + number, at=at + TICK)
            store(main, lambda unit: unit.registration_attempts.add, attempt)
            delivery = a_delivery(position=number, state=DeliveryState.DONE, finished_at=at + 2 * TICK)
            store(main, lambda unit: unit.deliveries.add, delivery)
        pending = a_delivery(position=7, state=DeliveryState.PENDING, finished_at=None)
        store(main, lambda unit: unit.deliveries.add, pending)
        oldest = OldestRows(early, early + TICK, early + 2 * TICK)
        assert main.read(lambda unit: unit.compliance.oldest_rows()) == oldest
        assert acme.read(lambda unit: unit.compliance.oldest_rows()) == oldest
