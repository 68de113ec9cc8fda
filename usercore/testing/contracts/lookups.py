"""The contract of lookups for authentication."""

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.kernel.units import Units
from usercore.passwords.model import Credential
from usercore.roles.model import ActiveRole, Role
from usercore.storage import Unit
from usercore.storage.lookups import LoginAccount, Rights, SignInMeans, TokenOwner, account_user_of
from usercore.testing.contracts.base import Contract, assert_same, store
from usercore.testing.contracts.passkeys import passkey
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.contracts.second_factors import FACTOR
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import (
    ACCESS_TOKEN,
    ACME,
    ANN,
    BOB,
    CREDENTIAL,
    ROLE,
    USER,
    a_credential,
    a_role,
    a_role_assignment,
    a_user,
    an_access_token,
)
from usercore.tokens.model import AccessToken
from usercore.users.model import User, UserState


def sign_in(units: Units[Unit], user: User = USER, token: AccessToken = ACCESS_TOKEN) -> None:
    """Store a user and an access token."""
    units.write(lambda unit: [unit.users.add(user), unit.access_tokens.add(token)])


def find(units: Units[Unit], digest: Digest = ACCESS_TOKEN.digest) -> TokenOwner | None:
    """Return Ann's token and its owner."""
    return units.read(lambda unit: unit.authentication.find(ANN, digest))


def get(units: Units[Unit], user_id: UserId = ANN) -> LoginAccount | None:
    """Return a user for signing in with a password."""
    return units.read(lambda unit: unit.authentication.get(user_id))


ACTIVE = a_user(state=UserState.ACTIVE)


def able(units: Units[Unit], limit: int = 9) -> list[UserId]:
    """Return the users who have what signs them in."""
    return [one.user_id for one in means(units, limit)]


def means(units: Units[Unit], limit: int = 9) -> list[SignInMeans]:
    """Return what signs users in."""
    return units.read(lambda unit: unit.authentication.list_able(at=NOON, limit=limit))


def assert_same_but_user_agent(found: AccessToken, given: AccessToken) -> None:
    """Compare tokens; a look-up may leave out the user agent."""
    assert found.user_agent in (None, given.user_agent)
    assert_same(evolve(found, user_agent=given.user_agent), given)


class AuthenticationLookupContract(Contract):
    """One case for each promise of ``AuthenticationLookup``."""

    @pytest.mark.rule("K2")
    def test_token_and_user_are_returned_completely(self, main: Units[Unit]) -> None:
        sign_in(main)
        sign_in(main, a_user(id=BOB), an_access_token(user_id=BOB))
        found = find(main)
        assert found
        assert_same_but_user_agent(found.token, ACCESS_TOKEN)
        assert_same(found.user, USER)
        assert found.tenant_active is True
        assert found.must_change_password is False

    @pytest.mark.rule("K2")
    def test_an_unknown_token_finds_no_user(self, main: Units[Unit]) -> None:
        sign_in(main, token=an_access_token(user_id=BOB))
        assert find(main) is None
        sign_in(main, a_user(id=BOB), ACCESS_TOKEN)
        assert find(main)
        assert find(main, digest_of("other")) is None

    @pytest.mark.rule("K2")
    def test_a_token_without_its_user_is_not_found(self, main: Units[Unit]) -> None:
        sign_in(main, a_user(id=BOB), ACCESS_TOKEN)
        assert find(main) is None

    @pytest.mark.rule("T2")
    def test_another_tenants_user_is_not_found(self, main: Units[Unit], acme: Units[Unit]) -> None:
        sign_in(main)
        assert find(acme) is None

    @pytest.mark.parametrize(
        "token",
        [an_access_token(revoked_at=NOON), an_access_token(expires_at=NOON), an_access_token(last_used_at=NOON)],
        ids=["ended", "expired", "used"],
    )
    @pytest.mark.rule("K2")
    def test_revoked_and_expired_tokens_are_found(self, main: Units[Unit], token: AccessToken) -> None:
        sign_in(main, token=token)
        found = find(main)
        assert found
        assert_same_but_user_agent(found.token, token)

    @pytest.mark.parametrize("state", list(UserState))
    @pytest.mark.rule("U2")
    def test_a_token_is_found_whatever_the_state_of_its_user(self, main: Units[Unit], state: UserState) -> None:
        sign_in(main, a_user(state=state))
        found = find(main)
        assert found
        assert_same(found.user, a_user(state=state))

    @pytest.mark.parametrize("active", [True, False])
    @pytest.mark.rule("T3")
    def test_a_token_is_returned_with_the_state_of_its_tenant(
        self, main: Units[Unit], acme: Units[Unit], *, active: bool
    ) -> None:
        sign_in(acme, a_user(tenant_id=ACME))
        main.write(lambda unit: unit.tenants.replace(evolve(unit.tenants.lock(ACME), active=active)))
        found = find(acme)
        assert found
        assert found.tenant_active is active
        assert main.read(lambda unit: unit.tenants.get(MAIN))

    @pytest.mark.parametrize("must_change", [True, False])
    @pytest.mark.rule("S5")
    def test_a_token_is_returned_with_whether_the_password_must_change(
        self, main: Units[Unit], *, must_change: bool
    ) -> None:
        sign_in(main)
        sign_in(main, a_user(id=BOB), an_access_token(user_id=BOB))
        main.write(lambda unit: [unit.lock(ANN), unit.credentials.put(a_credential(must_change=must_change))])
        store(main, lambda unit: unit.credentials.put, a_credential(user_id=BOB, must_change=not must_change))
        found = find(main)
        assert found
        assert found.must_change_password is must_change

    @pytest.mark.rule("S3")
    def test_what_decides_about_a_user_is_returned_with_the_whole_credential(self, people: Units[Unit]) -> None:
        people.write(lambda unit: [unit.users.lock(ANN), unit.users.replace(USER)])
        store(people, lambda unit: unit.credentials.put, CREDENTIAL, a_credential(user_id=BOB, version=9))
        entrant = get(people)
        assert entrant
        user = people.read(lambda unit: unit.users.get(ANN))
        assert user is not None
        assert_same(entrant.user, account_user_of(user))
        assert_same(entrant.credential, CREDENTIAL)
        assert entrant.tenant_active is True

    @pytest.mark.rule("S4")
    def test_a_user_without_a_password_has_no_credential(self, people: Units[Unit]) -> None:
        store(people, lambda unit: unit.credentials.put, a_credential(user_id=BOB))
        entrant = get(people)
        assert entrant
        assert entrant.user.id == ANN
        assert entrant.credential is None

    @pytest.mark.rule("S4")
    def test_a_credential_without_its_user_is_not_found(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, a_user(id=BOB))
        store(main, lambda unit: unit.credentials.put, CREDENTIAL)
        assert get(main) is None

    @pytest.mark.rule("T2")
    def test_another_tenants_user_cannot_be_looked_up(self, people: Units[Unit], acme: Units[Unit]) -> None:
        store(people, lambda unit: unit.credentials.put, CREDENTIAL)
        assert get(people)
        assert get(acme) is None

    @pytest.mark.parametrize("state", list(UserState))
    @pytest.mark.rule("U2")
    def test_a_user_is_found_in_every_state(self, main: Units[Unit], state: UserState) -> None:
        store(main, lambda unit: unit.users.add, a_user(state=state))
        store(main, lambda unit: unit.credentials.put, a_credential(expires_at=NOON))
        assert get(main) == LoginAccount(account_user_of(a_user(state=state)), True, a_credential(expires_at=NOON), ())  # noqa: FBT003 - of a tuple

    @pytest.mark.parametrize("active", [True, False])
    @pytest.mark.rule("T3")
    def test_a_user_is_returned_with_the_state_of_their_tenant(
        self, main: Units[Unit], acme: Units[Unit], *, active: bool
    ) -> None:
        store(acme, lambda unit: unit.users.add, a_user(tenant_id=ACME))
        main.write(lambda unit: unit.tenants.replace(evolve(unit.tenants.lock(ACME), active=active)))
        entrant = get(acme)
        assert entrant
        assert entrant.tenant_active is active

    @pytest.mark.rule("T4", "T5")
    def test_active_roles_are_returned_by_name(self, people: Units[Unit]) -> None:
        give(people, ROLE, OTHER, INACTIVE)
        assert roles_of(people) == [(THEIR, ITS)] * 3

    @pytest.mark.rule("T4")
    def test_a_user_without_an_active_role_has_none(self, people: Units[Unit]) -> None:
        assert roles_of(people) == [()] * 3
        give(people, INACTIVE)
        give(people, ROLE, to=BOB)
        assert roles_of(people) == [()] * 3

    @pytest.mark.rule("T4")
    def test_a_role_that_was_changed_or_taken_counts_at_once(self, people: Units[Unit]) -> None:
        give(people, ROLE, OTHER)
        lowered = a_role(privileged=False, permissions=())
        people.write(lambda unit: [unit.roles.lock(ROLE.id), unit.roles.replace(lowered)])
        assert roles_of(people) == [(THEIR, ActiveRole(name=ROLE.name, privileged=False, permissions=()))] * 3
        people.write(lambda unit: [unit.lock(ANN), unit.role_assignments.remove(ANN, OTHER.id)])
        people.write(lambda unit: [unit.roles.lock(ROLE.id), unit.roles.replace(a_role(active=False))])
        assert roles_of(people) == [()] * 3

    @pytest.mark.parametrize("active", [True, False])
    @pytest.mark.rule("T3")
    def test_rights_have_the_state_of_the_units_tenant(
        self, main: Units[Unit], acme: Units[Unit], *, active: bool
    ) -> None:
        store(acme, lambda unit: unit.users.add, a_user(tenant_id=ACME))
        main.write(lambda unit: unit.tenants.replace(evolve(unit.tenants.lock(ACME), active=active)))
        rights = acme.write(lambda unit: [unit.lock(ANN), unit.authentication.rights_of(ANN)][1])
        assert rights == Rights(active, None, has_second_factor=False, roles=())
        assert type(rights.tenant_active) is bool

    @pytest.mark.rule("S3", "F2")
    def test_rights_have_credential_and_second_factor_of_the_user(self, people: Units[Unit]) -> None:
        def lock(unit: Unit, user_id: UserId) -> Rights:
            unit.lock(user_id)
            return unit.authentication.rights_of(user_id)

        store(people, lambda unit: unit.credentials.put, CREDENTIAL, a_credential(user_id=BOB, version=9))
        store(
            people,
            lambda unit: unit.second_factors.put,
            evolve(FACTOR, confirmed_at=None),
            evolve(FACTOR, id=8, user_id=BOB),
        )
        give(people, ROLE, OTHER)
        ann, bob = people.write(lambda unit: (lock(unit, ANN), lock(unit, BOB)))
        assert_same(ann.credential, CREDENTIAL)
        assert ann == Rights(True, CREDENTIAL, False, (THEIR, ITS))  # noqa: FBT003 - of a tuple
        assert (bob.credential, bob.has_second_factor, bob.roles) == (a_credential(user_id=BOB, version=9), True, ())
        assert type(bob.has_second_factor) is bool
        store(people, lambda unit: unit.second_factors.put, FACTOR)
        assert people.write(lambda unit: lock(unit, ANN)).has_second_factor

    @pytest.mark.rule("S3")
    def test_a_unit_that_locked_the_user_sees_the_credential_that_another_stored(self, people: Units[Unit]) -> None:
        def store_next(unit: Unit, number: int, meet: Meet) -> int:
            unit.authentication.get(ANN)
            meet()
            unit.lock(ANN)
            before = unit.authentication.rights_of(ANN).credential
            unit.credentials.put(a_credential(version=number + 1))
            return 0 if before is None else before.version

        first, second = sorted(overlap(people, store_next))
        assert first == 0
        assert second in {1, 2}

    @pytest.mark.rule("T4")
    def test_a_unit_that_locked_the_user_sees_the_roles_that_another_gave(self, people: Units[Unit]) -> None:
        def give_unless_given(unit: Unit, number: int, meet: Meet) -> int:
            unit.authentication.get(ANN)
            meet()
            unit.lock(ANN)
            before = unit.authentication.rights_of(ANN).roles
            unit.role_assignments.add(a_role_assignment(role_id=(ROLE, OTHER)[number].id))
            return len(before)

        store(people, lambda unit: unit.roles.add, ROLE, OTHER)
        assert sorted(overlap(people, give_unless_given)) == [0, 1]

    @pytest.mark.parametrize(
        "credential",
        [None, a_credential(hash=""), a_credential(must_change=True, expires_at=NOON)],
        ids=["no password", "a void password", "an expired password"],
    )
    @pytest.mark.rule("T5")
    def test_a_user_is_able_by_a_password_that_is_accepted_or_by_a_passkey(
        self, main: Units[Unit], credential: Credential | None
    ) -> None:
        store(main, lambda unit: unit.users.add, ACTIVE, evolve(ACTIVE, id=BOB))
        if credential is not None:
            store(main, lambda unit: unit.credentials.put, credential)
        store(main, lambda unit: unit.credentials.put, a_credential(user_id=BOB, expires_at=NOON + TICK))
        assert able(main) == [BOB]
        store(main, lambda unit: unit.passkeys.add, passkey())
        assert able(main) == [ANN, BOB]
        assert able(main, limit=1) == [ANN]
        password = a_credential(user_id=BOB, expires_at=NOON + TICK)
        assert means(main) == [SignInMeans(ANN, None, has_passkey=True), SignInMeans(BOB, password, has_passkey=False)]

    @pytest.mark.parametrize(
        "user",
        [evolve(ACTIVE, email=None, username=None), *(a_user(state=state) for state in UserState if state != "active")],
        ids=lambda user: user.state.value if user.email else "without a login",
    )
    @pytest.mark.rule("T5")
    def test_a_user_is_not_able_without_a_login_or_in_another_state(self, main: Units[Unit], user: User) -> None:
        store(main, lambda unit: unit.users.add, user)
        store(main, lambda unit: unit.credentials.put, a_credential(expires_at=None))
        assert able(main) == []

    @pytest.mark.rule("T5", "T2")
    def test_users_of_other_tenants_are_not_able(self, main: Units[Unit], acme: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, ACTIVE)
        store(main, lambda unit: unit.credentials.put, a_credential(expires_at=None))
        assert able(main) == [ANN]
        assert able(acme) == []


OTHER = a_role(id=603, name="drawers", privileged=False, permissions=("draw",))
INACTIVE = a_role(id=604, name="Former", active=False)
ITS = ActiveRole(name="Editors", privileged=True, permissions=ROLE.permissions)
THEIR = ActiveRole(name="drawers", privileged=False, permissions=("draw",))


def give(units: Units[Unit], *roles: Role, to: UserId = ANN) -> None:
    """Store roles that are new, and give them to a user."""

    def work(unit: Unit) -> None:
        for role in roles:
            if unit.roles.get(role.id) is None:
                unit.roles.add(role)
        unit.lock(to)
        for role in roles:
            unit.role_assignments.add(a_role_assignment(user_id=to, role_id=role.id))

    units.write(work)


def roles_of(units: Units[Unit]) -> list[tuple[ActiveRole, ...]]:
    """Return Ann's roles as each of the look-ups returns them."""
    if units.read(lambda unit: unit.access_tokens.get(ANN, ACCESS_TOKEN.digest)) is None:
        store(units, lambda unit: unit.access_tokens.add, ACCESS_TOKEN)
    found, account = find(units), get(units)
    assert found
    assert account
    rights = units.write(lambda unit: [unit.lock(ANN), unit.authentication.rights_of(ANN)][1])
    assert rights is not None
    return [found.roles, account.roles, rights.roles]
