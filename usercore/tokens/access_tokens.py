"""Access tokens: listing and revoking them."""

from usercore.kernel.changes import Change
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Digest, Secret, digest_of, read_secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenNotFound, TokenUnknown
from usercore.tokens.model import ACCESS, ACCESS_REVOKED, AccessToken, RevocationReason, RevokedTokens
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_all


@frozen(kw_only=True)
class AccessTokens:
    """Lists and revokes access tokens. Trusted. Safe to share between threads."""

    _service: ServiceContext[TokensUnit]

    def list(self, ref: Reference) -> tuple[AccessToken, ...]:
        """List the user's access tokens that were not revoked, newest first.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)

        def query(unit: TokensUnit) -> list[AccessToken]:
            return unit.access_tokens.list_of(unit.get_or_raise(ref))

        return tuple(token for token in self._service.units.read(query) if token.revoked_at is None)

    def revoke(self, secret: Secret | str) -> AccessToken:
        """Sign out: revoke the token with this secret, and return it as it is now. A public id is not accepted.

        Raises:
            TypeError: it is neither text nor a ``Secret``.
            TokenUnknown: no token of this tenant has this secret, or it was revoked before.
        """
        read = read_secret(secret, ACCESS)
        if read is None:
            raise TokenUnknown

        def revoke(unit: TokensUnit) -> AccessToken:
            user_id, digest = UserId(read[0]), read[1]
            if unit.access_tokens.get(user_id, digest) is None:
                raise TokenUnknown
            try:
                unit.lock(user_id)
            except UserNotFound:  # the user belongs to another tenant
                raise TokenUnknown from None
            revoked = self._revoke(unit, user_id, digest)
            if revoked is None:
                raise TokenUnknown
            return revoked

        return self._service.units.write(revoke)

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
            tokens = unit.access_tokens.list_of(user_id)
            digest = next((token.digest for token in tokens if token.public_id == public_id), None)
            revoked = None if digest is None else self._revoke(unit, user_id, digest)
            if revoked is None:
                raise TokenNotFound
            return revoked

        return self._service.units.write(revoke)

    def _revoke(self, unit: TokensUnit, user_id: UserId, digest: Digest) -> AccessToken | None:
        revoked = unit.access_tokens.revoke(user_id, digest, at=self._service.clock())
        if revoked is not None:
            unit.record(Change(kind=ACCESS_REVOKED, subject_id=user_id, new=revoked))
        return revoked

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
