"""Autologin tokens: issued by the host for a time and a number of uses, redeemed by signing in."""

from datetime import datetime

from usercore.kernel.paging import PAGE_SIZE, Page, check_limit
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.time import clean_instant
from usercore.kernel.values import frozen
from usercore.sign_in_tokens.issuing import SignInTokensUnit, lock_holder
from usercore.sign_in_tokens.rules import check_terms
from usercore.tokens.changes import AUTOLOGIN_REVOKED
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import LimitedUseToken
from usercore.tokens.pages import page_of_limited_use_tokens, read_token_cursor
from usercore.tokens.policies import AutologinTokenPolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.revoking import read_holder, revoke_by_id, revoke_by_secret
from usercore.tokens.service import issue


@frozen(kw_only=True)
class AutologinTokens:
    """Issues, lists and revokes autologin tokens. Trusted: a token signs its bearer in as the user.

    Safe to share between threads.
    """

    _service: ServiceContext[SignInTokensUnit]
    _policy: AutologinTokenPolicy

    def issue(
        self, ref: Reference, *, valid_to: datetime, valid_from: datetime | None = None, max_uses: int = 1
    ) -> Secret:
        """Issue a token and return its secret, which cannot be read again. One unit.

        Args:
            ref: the user.
            valid_to: the instant from which the token is no longer valid, at most a year ahead.
            valid_from: the instant from which it is valid; None means at once.
            max_uses: how often it signs the user in, 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: an instant has no time zone, ``valid_to`` is not after now and ``valid_from`` or too far ahead,
                ``max_uses`` is out of range, or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            WrongState: the user is unclaimed.
            TenantInactive: the tenant is inactive, so that its users cannot sign in.
        """
        check_reference(ref)
        ends = clean_instant(valid_to, field="valid_to")
        begins = None if valid_from is None else clean_instant(valid_from, field="valid_from")
        uses = check_type(max_uses, int, name="max_uses")

        def issue_one(unit: SignInTokensUnit) -> Secret:
            now = self._service.clock()
            check_terms(begins, ends, uses, now=now, policy=self._policy)
            return issue(
                unit,
                TokenKind.AUTOLOGIN,
                lock_holder(unit, ref, self._service.context.tenant_id),
                at=now,
                lifetime=ends - now,
                randomness=self._service.randomness,
                valid_from=begins,
                max_uses=uses,
            )

        return self._service.units.write(issue_one)

    def list(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[LimitedUseToken]:
        """List the user's autologin tokens that were not revoked, newest first, also those that are used up or expired.

        ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        rows, after = check_limit(limit), read_token_cursor(cursor)

        def query(unit: TokensUnit) -> Page[LimitedUseToken]:
            return page_of_limited_use_tokens(unit, unit.get_or_raise(ref), TokenKind.AUTOLOGIN, after, rows)

        return self._service.units.read(query)

    def revoke(self, secret: Secret | str) -> LimitedUseToken:
        """Revoke the token with this secret, and return it as it is now. A public id is not accepted.

        Raises:
            TypeError: it is neither text nor a ``Secret``.
            TokenUnknown: no token of this tenant has this secret, or it was revoked or used up before.
        """
        holder = read_holder(secret, TokenKind.AUTOLOGIN)
        return self._service.units.write(
            lambda unit: revoke_by_secret(
                unit, unit.limited_use_tokens, holder, kind=AUTOLOGIN_REVOKED, clock=self._service.clock
            )
        )

    def revoke_by_id(self, ref: Reference, public_id: str) -> LimitedUseToken:
        """Revoke the token of this user that has this public id, and return it as it is now.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            TokenNotFound: the user has no such token, or it was revoked or used up before.
        """
        check_reference(ref)
        check_type(public_id, str, name="public_id")

        def revoke(unit: TokensUnit) -> LimitedUseToken:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            present = unit.limited_use_tokens.list_of(user_id, TokenKind.AUTOLOGIN)
            return revoke_by_id(
                unit, unit.limited_use_tokens, present, public_id, kind=AUTOLOGIN_REVOKED, clock=self._service.clock
            )

        return self._service.units.write(revoke)
