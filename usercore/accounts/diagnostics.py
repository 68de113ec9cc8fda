"""History, with what spans capabilities: attempts, and why somebody cannot sign in."""

from typing import Protocol

from usercore.attempts.model import Attempt
from usercore.attempts.ports import AttemptsUnit
from usercore.authenticators.base import can_be_void, is_privileged, sign_in_obstacle
from usercore.history.ports import HistoryUnit
from usercore.history.service import History
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.passwords.ports import PasswordsUnit
from usercore.passwords.rules import is_expired
from usercore.tenants.ports import TenantsUnit
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import ThrottlePolicy
from usercore.throttling.ports import ThrottlingUnit
from usercore.throttling.rules import is_void, locked_until
from usercore.users.ports import UsersUnit
from usercore.users.service import get_user


class AccountHistoryUnit(UsersUnit, TenantsUnit, PasswordsUnit, AttemptsUnit, ThrottlingUnit, HistoryUnit, Protocol):
    """What is read to explain a user."""


@frozen(kw_only=True)
class AccountHistory(History):
    """Reads what happened to users. Trusted: for operators. Safe to share between threads."""

    scope: ServiceContext[AccountHistoryUnit]
    throttles: ThrottlePolicy
    keys: CounterKeys

    def attempts(
        self, ref: Reference | None = None, *, cursor: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Attempt]:
        """List a user's tries to sign in, newest first; without a reference those that found nobody.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
            UserNotFound: nobody in this tenant is named so.
        """
        if ref is not None:
            check_reference(ref)
        rows, place = check_limit(limit), read_cursor(cursor, int)
        before = None if place is None else int(place[0])

        def query(unit: AccountHistoryUnit) -> list[Attempt]:
            user_id = None if ref is None else unit.get_or_raise(ref)
            return unit.attempts.list_of(user_id, before=before, limit=rows + 1)

        return page_of(self.scope.units.read(query), rows, lambda attempt: (attempt.id,))

    def explain(self, ref: Reference) -> tuple[str, ...]:
        """Say what stands between a user and a sign-in by password; nothing if it is only the right one.

        Words: ``unclaimed_user``, ``inactive_user``, ``inactive_tenant``, ``no_password``, ``password_expired``,
        ``password_void`` (too many failures in a row), ``rate_limited``, ``password_only`` (privileged: no weaker way).

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)
        return self.scope.units.read(lambda unit: tuple(self._reasons(unit, ref)))

    def _reasons(self, unit: AccountHistoryUnit, ref: Reference) -> list[str]:
        now, user = self.scope.clock(), get_user(unit, ref)
        tenant, credential = unit.tenants.get(user.tenant_id), unit.credentials.get(user.id)
        counters = unit.failure_counters.get_many([self.keys.account(user.tenant_id, user.id)])
        counter = counters[0] if counters else None
        is_at_limit = is_void(counter, policy=self.throttles)
        is_voided = is_at_limit and can_be_void(unit, user)
        until = locked_until(counter, now=now, policy=self.throttles, longest=is_at_limit and not is_voided)
        status = sign_in_obstacle(user, tenant_active=True)
        found = {
            str(status): status is not None,
            "inactive_tenant": tenant is None or not tenant.active,
            "no_password": credential is None,
            "password_expired": credential is not None and is_expired(credential, now=now),
            "password_void": is_voided,
            "rate_limited": until is not None,
            "password_only": is_privileged(user),
        }
        return [reason for reason, holds in found.items() if holds]
