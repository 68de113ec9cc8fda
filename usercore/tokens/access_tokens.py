"""Access tokens: what an operator or the user sees of them, and how they are revoked."""

from typing import Final

from usercore.kernel.changes import Change
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Digest, Secret, digest_of, holder_of, read_base62, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.tokens.errors import TokenNotFound, TokenUnknown
from usercore.tokens.model import ACCESS, ACCESS_REVOKED, AccessToken, RevokedTokens
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_tokens

_PUBLIC_PARTS: Final = 3


@frozen(kw_only=True)
class AccessTokens:
    """Lists and ends access tokens. Trusted. Safe to share between threads."""

    _service: ServiceContext[TokensUnit]

    def list(self, ref: Reference) -> tuple[AccessToken, ...]:
        """List the user's access tokens that were not revoked, newest first.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)

        def query(unit: TokensUnit) -> list[AccessToken]:
            return unit.access_tokens.list_of(unit.get_or_raise(ref))

        return tuple(token for token in self._service.units.read(query) if token.revoked_at is None)

    def revoke(self, token: Secret | str) -> AccessToken:
        """Sign out: end the token with this secret, or with this public id. Gives it as it is now.

        Raises:
            TypeError: it is neither text nor a Secret.
            TokenUnknown: no token that is not revoked has this secret.
            TokenNotFound: no token that is not revoked has this public id.
        """
        text = text_of(token)
        public_user_id = _user_of_public_id(text)
        user_id = holder_of(text, ACCESS) if public_user_id is None else public_user_id
        missing = TokenUnknown if public_user_id is None else TokenNotFound
        if user_id is None:
            raise TokenUnknown

        def revoke(unit: TokensUnit) -> AccessToken:
            owner = UserId(user_id)
            digest = digest_of(text) if public_user_id is None else _find_public(unit, owner, text)
            if digest is None or unit.access_tokens.get(owner, digest) is None:
                raise missing
            try:
                unit.lock(owner)
            except UserNotFound:  # another tenant's
                raise missing from None
            revoked = unit.access_tokens.revoke(owner, digest, at=self._service.clock())
            if revoked is None:
                raise missing
            unit.record(Change(kind=ACCESS_REVOKED, subject_id=owner, new=revoked))
            return revoked

        return self._service.units.write(revoke)

    def revoke_all(self, ref: Reference, *, keep: Secret | str | None = None) -> RevokedTokens:
        """Sign out everywhere but where ``keep`` is used; login tokens end, too. Says how many revoked.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)
        kept = None if keep is None else digest_of(keep)

        def revoke_all(unit: TokensUnit) -> RevokedTokens:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            return revoke_tokens(unit, user_id, at=self._service.clock(), reason="signed_out", access=True, keep=kept)

        return self._service.units.write(revoke_all)


def _user_of_public_id(text: str) -> int | None:
    parts = text.split("-", _PUBLIC_PARTS)
    return read_base62(parts[1]) if len(parts) == _PUBLIC_PARTS and parts[0] == ACCESS else None


def _find_public(unit: TokensUnit, user_id: UserId, public_id: str) -> Digest | None:
    named = (token.digest for token in unit.access_tokens.list_of(user_id) if token.public_id == public_id)
    return next(named, None)
