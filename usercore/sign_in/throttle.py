"""Throttling of sign-ins: the same for every authenticator, and each failure is counted once.

Only one thread of a process works on an account at a time, and if an account has a failure on record, its next try is
counted before anything is verified, so parallel guesses cannot bypass the counter.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import LoginLookup, RejectedAttempt, SignInUnit
from usercore.authenticators.last_admin import LastAdminGuard
from usercore.authenticators.rules import can_be_void
from usercore.kernel.context import SYSTEM, Context
from usercore.kernel.errors import Invalid, RateLimited
from usercore.kernel.ids import UserId
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.storage.lookups import LoginAccount
from usercore.throttling.keys import CounterKeys
from usercore.throttling.locks import AccountLocks
from usercore.throttling.model import CounterKind, FailureCounter, ThrottlePolicy
from usercore.throttling.rules import counting_rule, failures_of, is_void, locked_until
from usercore.users.keys import ClaimName, KeyUse, claim_of_name, login_key

NO_USER = UserId(0)
"""The id that is used for an unknown login, so that the same statements run for it."""


class LoginKey(NamedTuple):
    """The claim by which a login identifies a user, or None if no user can have it, and what it is throttled under."""

    claim: ClaimName | None
    text: str


@frozen(kw_only=True)
class SignInThrottle:
    """Delays further attempts for an account, a login or an address after failures."""

    _service: ServiceContext[SignInUnit]
    _policy: ThrottlePolicy
    _keys: CounterKeys
    _locks: AccountLocks
    _last_admin: LastAdminGuard

    def hold(self, login: LoginKey | None) -> AbstractContextManager[None]:
        """Hold the account's lock, so that a failure is counted before the next attempt reads the counter.

        Raises:
            Overloaded: the wait for the lock took too long.
        """
        if login is None:
            return nullcontext()
        return self._locks.hold(f"{self._service.context.tenant_id} {login.text}")

    def look_up(self, login: LoginKey | None, context: Context) -> LoginLookup:
        """Return the account with this login and the counters of the attempt, each read by one statement.

        A change between two of the statements is no more harmful than one while a password is hashed, which no
        transaction could prevent: the unit that completes the attempt locks the user and compares the credential, and
        the counters are read last.
        """
        read = self._service.units.read
        account, login_key = None, None
        if login is not None:
            claim = login.claim
            if claim is not None:
                account = read(lambda unit: unit.authentication.find_by_claim(claim))
            login_key = self._login_key(account, login.text, context)
        keys = [] if login_key is None else [login_key]
        if context.ip is not None:
            keys.append(self._keys.address(context.tenant_id, context.ip))
        found = {counter.key: counter for counter in read(lambda unit: unit.failure_counters.get_many(keys))}
        counters = tuple(map(found.get, keys))
        return LoginLookup(
            account=account,
            login_key=login_key,
            keys=tuple(keys),
            counters=counters,
            has_void_password=self._has_void_password(account, counters[0] if counters else None, context),
        )

    def _has_void_password(
        self, account: LoginAccount | None, counter: FailureCounter | None, context: Context
    ) -> bool:
        """Return whether the account's password is void. Known and unknown logins run the same statements."""
        user_id = NO_USER if account is None else account.user.id
        has_other = context.tenant_id == SYSTEM and self._service.units.read(
            lambda unit: self._last_admin.has_other(unit, user_id, at=self._service.clock())
        )
        if account is None or not is_void(counter, policy=self._policy):
            return False
        return can_be_void(account.user, has_other_admin=has_other)

    def _login_key(self, account: LoginAccount | None, login: str, context: Context) -> bytes:
        if account is None:
            return self._keys.login(context.tenant_id, login)
        return self._keys.account(context.tenant_id, account.user.id)

    def check_wait(self, lookup: LoginLookup) -> None:
        """Reject the attempt during a wait of the account or the address.

        Raises:
            RejectedAttempt: it is too early for another attempt.
        """
        self._check(lookup, lookup.counters)

    def _check(self, lookup: LoginLookup, counters: Sequence[FailureCounter | None]) -> None:
        now = self._service.clock()
        ends = [locked_until(counter, now=now, policy=self._policy) for counter in counters]
        last = max((end for end in ends if end is not None), default=None)
        if last is not None:
            user_id = lookup.account.user.id if lookup.account else None
            raise RejectedAttempt(AttemptStatus.RATE_LIMIT_EXCEEDED, user_id=user_id, error=RateLimited(last - now))

    def reserve(self, lookup: LoginLookup) -> int | None:
        """Count the try of an account with a failure on record before it is verified; return its ordinal.

        Raises:
            RejectedAttempt: another process or another login of the account has started a wait since.
        """
        key, now = lookup.login_key, self._service.clock()
        if key is None or not failures_of(lookup.login_counter, now=now, policy=self._policy):
            return None

        def reserve(unit: SignInUnit) -> int:
            self._check(lookup, unit.failure_counters.get_many([key]))
            return self._record(unit, key, self._kind_of(lookup), wrong_password=False).tries

        return self._service.units.write(reserve)

    def record_failure(
        self, unit: SignInUnit, lookup: LoginLookup, ordinal: int | None, *, wrong_password: bool
    ) -> None:
        """Count a failure of the account, unless its try was reserved, and of the address."""
        counts_towards_void = wrong_password and lookup.account is not None
        key = lookup.login_key
        if key is not None and ordinal is None:
            self._record(unit, key, self._kind_of(lookup), wrong_password=counts_towards_void)
        elif key is not None:  # also if there is no account, so that the statements reveal neither it nor the password
            unit.failure_counters.add_wrong_passwords(key, int(counts_towards_void))
        self.record_failure_of_address(unit, lookup)

    def record_failure_of_address(self, unit: SignInUnit, lookup: LoginLookup) -> None:
        """Count a failure of the address only."""
        for key in lookup.keys:
            if key != lookup.login_key:
                self._record(unit, key, CounterKind.ADDRESS, wrong_password=False)

    def reset(self, unit: SignInUnit, lookup: LoginLookup, ordinal: int | None) -> None:
        """Reset the account's failures up to a successful attempt: its reserved try, or the last one that it read.

        The count of wrong passwords is reset, too, also in a row that no longer starts a wait.
        """
        forgotten = self.forgotten_by_success(lookup, ordinal)
        if forgotten is not None:
            unit.failure_counters.reset(forgotten[0], up_to=forgotten[1])

    def forgotten_by_success(self, lookup: LoginLookup, ordinal: int | None) -> tuple[bytes, int] | None:
        """Return the key of the account's failures and the ordinal up to which a success resets them, or None."""
        counter = lookup.login_counter
        if ordinal is None and counter is not None and (counter.failures or counter.wrong_passwords):
            ordinal = counter.tries
        return None if ordinal is None or lookup.login_key is None else (lookup.login_key, ordinal)

    def cancel_try(self, unit: SignInUnit, lookup: LoginLookup, ordinal: int | None) -> None:
        """Cancel a reserved try that was neither right nor wrong: an outage must not lock users out."""
        counter = lookup.login_counter
        if counter is not None and ordinal is not None:
            unit.failure_counters.cancel_try(counter.key, ordinal=ordinal, last_at=counter.last_at)

    def _record(self, unit: SignInUnit, key: bytes, kind: CounterKind, *, wrong_password: bool) -> FailureCounter:
        now = self._service.clock()
        rule = counting_rule(kind, now=now, policy=self._policy)
        return unit.failure_counters.record_failure(key, kind, at=now, rule=rule, wrong_password=wrong_password)

    def _kind_of(self, lookup: LoginLookup) -> CounterKind:
        return CounterKind.LOGIN if lookup.account is None else CounterKind.ACCOUNT


def key_of_login(login: str) -> LoginKey:
    """Return the key of a login: of one that no user can have, its start."""
    try:
        claim = claim_of_name(login, KeyUse.LOGIN)
    except Invalid:
        return LoginKey(None, login_key(login))
    return LoginKey(claim, claim.key)
