"""Reading the status of a user: password, failures, sign-ins, and what prevents a sign-in."""

from typing import Protocol

from usercore.authenticators.last_admin import LastAdminGuard
from usercore.authenticators.rules import can_be_void, is_privileged, lacks_role
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.passwords.ports import Hasher, PasswordsUnit
from usercore.passwords.rules import is_expired
from usercore.second_factors.encryption import FactorCipher
from usercore.second_factors.model import SecondFactorPolicy
from usercore.second_factors.ports import SecondFactorsUnit
from usercore.second_factors.rules import confirmed, is_required
from usercore.storage.lookups import LookupsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import FailureCounter, ThrottlePolicy
from usercore.throttling.ports import ThrottlingUnit
from usercore.throttling.rules import failures_of, is_void, locked_until
from usercore.tokens.ports import TokensUnit
from usercore.users.model import AccountStatus, User, UserState
from usercore.users.ports import UsersUnit


class AccountsUnit(
    UsersUnit, TenantsUnit, PasswordsUnit, SecondFactorsUnit, TokensUnit, ThrottlingUnit, LookupsUnit, Protocol
):
    """The part of a unit that the status of a user is read from."""


@frozen(kw_only=True)
class StatusReader:
    """Reads the status of users inside a unit. ``core.users`` and ``core.history`` use one."""

    _service: ServiceContext[AccountsUnit]
    _throttles: ThrottlePolicy
    _keys: CounterKeys
    _hasher: Hasher
    _second_factors: SecondFactorPolicy
    _cipher: FactorCipher
    _last_admin: LastAdminGuard

    def status_of(self, unit: AccountsUnit, user: User) -> AccountStatus:
        """Return the status of a user as this unit sees it."""
        now, credential = self._service.clock(), unit.credentials.get(user.id)
        counter = self._counter_of(unit, user)
        until = locked_until(counter, now=now, policy=self._throttles)
        return AccountStatus(
            state=user.state,
            password_set=credential is not None and not credential.is_void,
            password_changed_at=None if credential is None else credential.set_at,
            must_change_password=credential is not None and credential.must_change,
            failures_in_a_row=failures_of(counter, now=now, policy=self._throttles),
            locked_since=None if counter is None or until is None else counter.last_at,
            locked_until=until,
            last_sign_in_at=user.last_sign_in_at,
            last_used_at=unit.access_tokens.last_used_at(user.id),
        )

    def obstacles_of(self, unit: AccountsUnit, user: User) -> list[str]:
        """Return the values of ``history.explain`` that apply to the user."""
        now, credential = self._service.clock(), unit.credentials.get(user.id)
        tenant, counter = unit.tenants.get(user.tenant_id), self._counter_of(unit, user)
        until = locked_until(counter, now=now, policy=self._throttles)
        roles = unit.authentication.rights_of(user.id).roles
        problem = None if credential is None else self._hasher.problem_of(credential.hash)
        found = {
            "unclaimed_user": user.state is UserState.UNCLAIMED,
            "inactive_user": user.state is UserState.DEACTIVATED,
            "no_active_role": lacks_role(user, roles),
            "inactive_tenant": tenant is None or not tenant.active,
            "no_password": credential is None or credential.is_void,
            "unusable_hash": credential is not None
            and not credential.is_void
            and not self._hasher.is_usable(credential),
            "extra_not_installed": problem == "extra_not_installed",
            "password_expired": credential is not None and is_expired(credential, now=now),
            "password_void": self.has_void_password(unit, user),
            "rate_limited": until is not None,
            "password_only": is_privileged(user, roles),
            **self._second_factor_of(unit, user, is_privileged=is_privileged(user, roles)),
        }
        return [reason for reason, holds in found.items() if holds]

    def has_void_password(self, unit: AccountsUnit, user: User) -> bool:
        """Return whether too many wrong passwords in a row made the user's password void."""
        if not is_void(self._counter_of(unit, user), policy=self._throttles):
            return False
        has_other = self._last_admin.has_other(unit, user.id, at=self._service.clock())
        return can_be_void(user, has_other_admin=has_other)

    def _second_factor_of(self, unit: AccountsUnit, user: User, *, is_privileged: bool) -> dict[str, bool]:
        factors = confirmed(unit.second_factors.list_of(user.id))
        is_demanded = is_required(self._second_factors, is_privileged=is_privileged)
        key = self._keys.second_factor(user.tenant_id, user.id)
        counter = next(iter(unit.failure_counters.get_many([key])), None)
        is_waiting = locked_until(counter, now=self._service.clock(), policy=self._throttles) is not None
        return {
            "second_factor_required": bool(factors),
            "second_factor_setup_required": is_demanded and not factors,
            "second_factor_unusable": any(self._cipher.decrypt(factor) is None for factor in factors),
            "second_factor_rate_limited": is_waiting,
        }

    def _counter_of(self, unit: AccountsUnit, user: User) -> FailureCounter | None:
        key = self._keys.account(user.tenant_id, user.id)
        return next(iter(unit.failure_counters.get_many([key])), None)
