"""Access tokens: listing and revoking them."""

from usercore.kernel.paging import PAGE_SIZE, Page, check_limit
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, digest_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.tokens.changes import ACCESS_REVOKED
from usercore.tokens.kinds import ACCESS, RevocationReason
from usercore.tokens.model import AccessToken, RevokedTokens
from usercore.tokens.pages import page_of_access_tokens, read_token_cursor
from usercore.tokens.ports import TokensUnit
from usercore.tokens.revoking import read_holder, revoke_by_id, revoke_by_secret
from usercore.tokens.service import revoke_all


@frozen(kw_only=True)
class AccessTokens:
    """Lists and revokes access tokens. Trusted. Safe to share between threads."""

    _service: ServiceContext[TokensUnit]

    def list(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[AccessToken]:
        """List the user's access tokens that were not revoked, newest first; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit, cursor or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        rows, after = check_limit(limit), read_token_cursor(cursor)
        return self._service.units.read(lambda unit: page_of_access_tokens(unit, unit.get_or_raise(ref), after, rows))

    def revoke(self, secret: Secret | str) -> AccessToken:
        """Sign out: revoke the token with this secret, and return it as it is now. A public id is not accepted.

        Raises:
            TypeError: it is neither text nor a ``Secret``.
            TokenUnknown: no token of this tenant has this secret, or it was revoked before.
        """
        holder = read_holder(secret, ACCESS)
        return self._service.units.write(
            lambda unit: revoke_by_secret(
                unit, unit.access_tokens, holder, kind=ACCESS_REVOKED, clock=self._service.clock
            )
        )

    def revoke_by_id(self, ref: Reference, public_id: str) -> AccessToken:
        """Revoke the token of this user that has this public id, and return it as it is now.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            TokenNotFound: the user has no such token, or it was revoked before.
        """
        check_reference(ref)
        check_type(public_id, str, name="public_id")

        def revoke(unit: TokensUnit) -> AccessToken:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            present = unit.access_tokens.list_of(user_id)
            return revoke_by_id(
                unit, unit.access_tokens, present, public_id, kind=ACCESS_REVOKED, clock=self._service.clock
            )

        return self._service.units.write(revoke)

    def revoke_all(self, ref: Reference, *, keep: Secret | str | None = None) -> RevokedTokens:
        """Sign out everywhere: revoke the user's access and login tokens, except the access token ``keep``.

        Returns:
            How many tokens of each kind were revoked.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        kept = None if keep is None else digest_of(keep)

        def revoke(unit: TokensUnit) -> RevokedTokens:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            return revoke_all(unit, user_id, RevocationReason.SIGNED_OUT, at=self._service.clock(), keep=kept)

        return self._service.units.write(revoke)
