"""Users, with what spans capabilities: the facts about one, and letting them in or shutting them out."""

from typing import Protocol

from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import evolve
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.passwords.ports import PasswordsUnit
from usercore.tenants.model import Tenant
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import get_tenant
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import ThrottlePolicy
from usercore.throttling.ports import ThrottlingUnit
from usercore.throttling.rules import failures_of, locked_until
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_tokens
from usercore.users.model import ACTIVATED, DEACTIVATED, AccountStatus, Preferences, User, UserState
from usercore.users.ports import UsersUnit
from usercore.users.rules import check_movable
from usercore.users.service import Users, get_user, replace_user


class AccountsUnit(UsersUnit, TenantsUnit, PasswordsUnit, TokensUnit, ThrottlingUnit, Protocol):
    """What the facts about a user are gathered from."""


@frozen(kw_only=True)
class Accounts(Users):
    """Reads and changes users one by one. Trusted. Safe to share between threads."""

    scope: ServiceContext[AccountsUnit]
    throttles: ThrottlePolicy
    keys: CounterKeys

    def status(self, ref: Reference) -> AccountStatus:
        """Tell what is so about a user: password, failures in a row, locked until, last sign-in, last use.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)
        now = self.scope.clock()

        def query(unit: AccountsUnit) -> AccountStatus:
            user = get_user(unit, ref)
            credential = unit.credentials.get(user.id)
            counters = unit.failure_counters.get_many([self.keys.account(user.tenant_id, user.id)])
            counter = counters[0] if counters else None
            until = locked_until(counter, now=now, policy=self.throttles)
            return AccountStatus(
                password_set=credential is not None,
                password_changed_at=None if credential is None else credential.set_at,
                must_change_password=credential is not None and credential.must_change,
                failures_in_a_row=failures_of(counter, now=now, policy=self.throttles),
                locked_since=None if counter is None or until is None else counter.last_at,
                locked_until=until,
                last_sign_in_at=user.last_sign_in_at,
                last_used_at=max((token.last_used_at for token in unit.access_tokens.list_of(user.id)), default=None),
            )

        return self.scope.units.read(query)

    def preferences(self, ref: Reference) -> Preferences:
        """Tell how things are shown to a user: their own choice where they made one, else their tenant's.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)

        def query(unit: AccountsUnit) -> Preferences:
            user = get_user(unit, ref)
            return preferences_of(user, get_tenant(unit, user.tenant_id))

        return self.scope.units.read(query)

    def activate(self, ref: Reference) -> User:
        """Let a deactivated user in again; nothing changes if they are active.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
            WrongState: the user is unclaimed.
        """
        return self._move(ref, UserState.ACTIVE, ACTIVATED)

    def deactivate(self, ref: Reference) -> User:
        """Shut a user out: all their tokens end; nothing changes if they are deactivated.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
            WrongState: the user is unclaimed.
        """
        return self._move(ref, UserState.DEACTIVATED, DEACTIVATED)

    def _move(self, ref: Reference, to: UserState, kind: ChangeKind) -> User:
        check_reference(ref)

        def move(unit: AccountsUnit) -> User:
            old = unit.users.lock(unit.resolve(ref))
            if not check_movable(old, to):
                return old
            now, by = self.scope.clock(), str(self.scope.context.actor)
            moved = replace_user(unit, old, evolve(old, state=to), kind, at=now, by=by)
            if to is UserState.DEACTIVATED:
                revoke_tokens(unit, old.id, at=now, reason=kind.name, access=True)
            return moved

        return self.scope.units.write(move)


def preferences_of(user: User, tenant: Tenant) -> Preferences:
    """Give what counts for a user: None is the tenant's."""
    timestamp, data = user.timestamp_offset_minutes, user.data_offset_minutes
    return Preferences(
        language=user.language or tenant.language,
        date_format=user.date_format or tenant.date_format,
        time_zone=tenant.time_zone,
        timestamp_offset_minutes=tenant.timestamp_offset_minutes if timestamp is None else timestamp,
        data_offset_minutes=tenant.data_offset_minutes if data is None else data,
    )
