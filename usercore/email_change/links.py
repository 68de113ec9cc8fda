"""Redeeming the links that are mailed about emails. Public: the caller may be anyone."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from usercore.attempts.misses import MissTracker
from usercore.authenticators.rules import sign_in_obstacle
from usercore.email_change.steps import EmailChangeUnit
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenRevoked, TokenUnknown
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import LimitedUseToken
from usercore.tokens.rules import check_redeemable
from usercore.tokens.service import get_token, redeem
from usercore.users.keys import is_same_address
from usercore.users.model import EmailChange, EmailChangeState, User
from usercore.users.rules import is_open

T = TypeVar("T")


@frozen(kw_only=True)
class Redeemed:
    """A link that the unit redeemed, and its user, whom the unit has locked."""

    user: User
    link: LimitedUseToken
    at: datetime


@frozen(kw_only=True)
class EmailLinks:
    """Redeems links about emails, each once."""

    _service: ServiceContext[EmailChangeUnit]
    _misses: MissTracker

    def redeem(self, secret: Secret | str, kind: TokenKind, work: Callable[[EmailChangeUnit, Redeemed], T]) -> T:
        """Redeem a link of this kind, and return what ``work`` returns. If ``work`` raises, it is not redeemed.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            TokenInvalid: the link is unknown, redeemed, revoked or expired, or its user may not sign in.
        """
        try:
            user_id = self._service.units.read(lambda unit: self._find(unit, secret, kind))
        except TokenUnknown:
            self._misses.record(self._service.context, self._service.clock(), self._service.units)
            raise
        return self._service.units.write(lambda unit: work(unit, self._redeem(unit, user_id, secret, kind)))

    def _find(self, unit: EmailChangeUnit, secret: Secret | str, kind: TokenKind) -> UserId:
        """Return the user of a link that can be redeemed. Links of other tenants are unknown, whatever their state.

        Raises:
            TokenInvalid: it cannot be redeemed.
        """
        link = get_token(unit, secret, kind)
        user = unit.users.get(link.user_id)
        if user is None:
            raise TokenUnknown
        self._check(unit, user, link, now=self._service.clock())
        return user.id

    def _check(self, unit: EmailChangeUnit, user: User, link: LimitedUseToken, *, now: datetime) -> None:
        """Check that a link can be redeemed for this user.

        Raises:
            TokenInvalid: it is redeemed, revoked or expired, or the user may not sign in.
        """
        check_redeemable(link, now=now)
        rights = unit.authentication.rights_of(user.id)
        if sign_in_obstacle(user, tenant_active=rights.tenant_active, roles=rights.roles) is not None:
            raise TokenUnknown
        if not is_current(unit, user, link, now=now):
            raise TokenRevoked

    def _redeem(self, unit: EmailChangeUnit, user_id: UserId, secret: Secret | str, kind: TokenKind) -> Redeemed:
        try:
            user = unit.users.lock(user_id)
        except UserNotFound:
            raise TokenUnknown from None
        now = self._service.clock()
        link = get_token(unit, secret, kind)
        self._check(unit, user, link, now=now)
        return Redeemed(user=user, link=redeem(unit, user_id, link.digest, at=now), at=now)


_STATES = {
    TokenKind.EMAIL_CHANGE: EmailChangeState.REQUESTED,
    TokenKind.EMAIL_UNDO: EmailChangeState.MADE,
}


def is_current(unit: EmailChangeUnit, user: User, link: LimitedUseToken, *, now: datetime) -> bool:
    """Return whether what the link is for can still happen.

    A link of a change is bound to the change, which may have been cancelled; every other one to the user's email.
    """
    state = _STATES.get(link.kind)
    if state is None:
        return link.address is not None and is_same_address(user.email, link.address)
    change = change_of(unit, link)
    return change is not None and change.state is state and is_open(change, now)


def change_of(unit: EmailChangeUnit, link: LimitedUseToken) -> EmailChange | None:
    """Return the change that the link is bound to, or None."""
    return None if link.generation is None else unit.email_changes.get(link.user_id, link.generation)
