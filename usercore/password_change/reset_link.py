"""Resetting a password by a mailed link: anyone may request one, and who reads the mail redeems it once.

The link is issued when the mail is sent; see ``notifications/recipients.py``.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from usercore.attempts.misses import MissTracker
from usercore.attempts.ports import AttemptsUnit
from usercore.authenticators.rules import sign_in_obstacle
from usercore.gates.service import NewPasswords
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.password_change.steps import PasswordChangeUnit, replace_password, reset_failures
from usercore.passwords.model import (
    RESET_OF_UNKNOWN,
    RESET_REQUESTED,
    PasswordChange,
    ResetPolicy,
    ResetRequest,
)
from usercore.passwords.service import password_version
from usercore.registration.input import personal_words
from usercore.sign_in.throttle import NO_USER, key_of_login
from usercore.throttling.keys import CounterKeys
from usercore.throttling.rules import time_left
from usercore.tokens.errors import TokenRevoked, TokenUnknown
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import LimitedUseToken
from usercore.tokens.rules import check_redeemable
from usercore.tokens.service import get_token, redeem
from usercore.users.keys import ClaimName, KeyUse, is_same_address
from usercore.users.model import EMAIL_VERIFICATION_CHANGED, User
from usercore.users.service import replace_user


class ResetUnit(PasswordChangeUnit, AttemptsUnit, Protocol):
    """What a reset reads and writes."""


@frozen(kw_only=True)
class PasswordResets:
    """Requests and redeems links that reset a password. Public: the caller may be anyone."""

    _service: ServiceContext[ResetUnit]
    _new_passwords: NewPasswords
    _keys: CounterKeys
    _policy: ResetPolicy
    _misses: MissTracker

    def request(self, login: str) -> None:
        """Record a request, so that a link is mailed; see ``Passwords.request_reset``."""
        key = key_of_login(login)
        self._service.units.write(lambda unit: self._request(unit, key.claim, key.text))

    def _request(self, unit: ResetUnit, name: ClaimName | None, login: str) -> None:
        """Run the same statements and store as many rows for every login, whether a user has it or not."""
        claim = None if name is None else unit.claims.find(name.space, name.key)
        holder = UserId(claim.holder_id) if claim is not None and claim.uses & KeyUse.LOGIN else NO_USER
        if not self._count(unit, holder, login, self._service.clock()):
            return
        try:
            user = unit.users.lock(holder)
        except UserNotFound:
            user = None
        version = password_version(unit, holder)
        if user is None:
            change = Change(kind=RESET_OF_UNKNOWN, subject_id=self._service.new_id(), generation=version)
        else:
            requested = ResetRequest(email=user.email)
            change = Change(
                kind=RESET_REQUESTED, subject_id=user.id, new=requested, generation=version, recipient=user.email
            )
        unit.record(change)

    def _count(self, unit: ResetUnit, holder: UserId, login: str, now: datetime) -> bool:
        """Count a request against the limits of its account and address; return whether none is used up."""
        for key, window, most in self._limits(holder, login):
            if window:  # a zero window disables its limit
                used = unit.rate_limits.use(key, at=now, window=window, most=most)
                if time_left(used, most=most, window=window, now=now) is not None:
                    return False
        return True

    def _limits(self, holder: UserId, login: str) -> Iterator[tuple[bytes, timedelta, int]]:
        policy, context, keys = self._policy, self._service.context, self._keys
        is_unknown = holder == NO_USER
        by_login, by_user = keys.reset_login(context.tenant_id, login), keys.reset_account(context.tenant_id, holder)
        yield by_login if is_unknown else by_user, policy.per_account_window, policy.per_account
        if context.ip is not None:
            yield keys.reset_address(context.tenant_id, context.ip), policy.per_ip_window, policy.per_ip

    def reset(self, secret: Secret | str, password: str) -> User:
        """Set the password of the link's user; see ``Passwords.reset``.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            TokenInvalid: the link is unknown, redeemed, revoked or expired, or its user may not sign in.
            PasswordRefused: the password breaks the policy; the link stays valid.
            Overloaded: too many passwords are being hashed.
        """
        user = self._find(secret)
        hashed = self._new_passwords.hash(self._new_passwords.screen(password, personal_words(user)))
        return self._service.units.write(lambda unit: self._reset(unit, user.id, secret, hashed))

    def _find(self, secret: Secret | str) -> User:
        """Return the user of a link that can be redeemed, and count the attempt if there is none.

        Raises:
            TokenInvalid: it cannot be redeemed.
        """
        try:
            return self._service.units.read(lambda unit: self._owner_of(unit, secret))
        except TokenUnknown:
            self._misses.record(self._service.context, self._service.clock(), self._service.units)
            raise

    def _owner_of(self, unit: ResetUnit, secret: Secret | str) -> User:
        """Return the user of a link that can be redeemed. Links of other tenants are unknown, whatever their state.

        Raises:
            TokenInvalid: it cannot be redeemed.
        """
        link = get_token(unit, secret, TokenKind.RESET)
        user = unit.users.get(link.user_id)
        if user is None:
            raise TokenUnknown
        self._check(unit, user, link, now=self._service.clock())
        return user

    def _check(self, unit: ResetUnit, user: User, link: LimitedUseToken, *, now: datetime) -> None:
        """Check that a link can be redeemed for this user.

        Raises:
            TokenInvalid: it is redeemed, revoked or expired, or the user may not sign in.
        """
        check_redeemable(link, now=now)
        rights = unit.authentication.rights_of(user.id)
        if sign_in_obstacle(user, tenant_active=rights.tenant_active, roles=rights.roles) is not None:
            raise TokenUnknown
        is_sent_here = link.address is not None and is_same_address(user.email, link.address)
        if not is_sent_here or link.generation != password_version(unit, user.id):
            raise TokenRevoked

    def _reset(self, unit: ResetUnit, user_id: UserId, secret: Secret | str, hashed: tuple[str, str | None]) -> User:
        try:
            user = unit.users.lock(user_id)
        except UserNotFound:
            raise TokenUnknown from None
        now = self._service.clock()
        link = get_token(unit, secret, TokenKind.RESET)
        self._check(unit, user, link, now=now)
        redeem(unit, user_id, link.digest, at=now)
        replace_password(unit, user, hashed, PasswordChange.RESET, at=now)
        reset_failures(unit, user, self._keys)
        verified = evolve(user, email_verified_at=user.email_verified_at or now)
        by = str(self._service.context.actor)
        return replace_user(unit, user, verified, EMAIL_VERIFICATION_CHANGED, at=now, by=by)
