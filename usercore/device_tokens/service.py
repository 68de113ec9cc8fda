"""Device tokens, as hosts call them."""

from datetime import datetime
from typing import Final, Protocol

from usercore.authenticators.rules import identifies
from usercore.kernel.changes import Change
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, digest_of, generate_secret, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import clean_exact
from usercore.kernel.values import frozen
from usercore.storage.lookups import LookupsUnit, Rights, TokenOwner
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import require_active
from usercore.tokens.changes import DEVICE_ISSUED
from usercore.tokens.errors import TokenInvalid, TokenUnknown
from usercore.tokens.kinds import ACCESS, DEVICE
from usercore.tokens.model import AccessToken, DeviceToken
from usercore.tokens.pairing import get_device, lock_device, pair, record_unpaired
from usercore.tokens.policies import AccessTokenPolicy
from usercore.tokens.ports import TokensUnit
from usercore.tokens.revoking import lock_holder_of, read_holder
from usercore.tokens.rules import check_open
from usercore.users.model import User
from usercore.users.ports import UsersUnit

DEVICE_ID_LIMIT: Final = 255
"""Characters of a device's id. Source: REMP CRM, whose column has as many."""


class DeviceTokensUnit(TokensUnit, UsersUnit, TenantsUnit, LookupsUnit, Protocol):
    """The parts of a unit that device tokens need."""


@frozen(kw_only=True)
class DeviceTokens:
    """Issues device tokens and pairs access tokens with them. Trusted. Safe to share between threads.

    A device token tells which device an access token is used on. It is no credential.
    """

    _service: ServiceContext[DeviceTokensUnit]
    _tokens: AccessTokenPolicy

    def issue(self, device_id: str) -> Secret:
        """Issue a new token for a device and return its secret, which cannot be read again. One unit.

        Args:
            device_id: the host's name of the device, 1-255 characters, stored exactly. Each call issues another token.

        Raises:
            TypeError: ``device_id`` is not text.
            Invalid: ``device_id`` is empty, too long, or has white space at its ends or control characters.
            TenantInactive: the tenant is inactive, so that its users cannot sign in.
        """
        clean = clean_exact(device_id, field="device_id", most=DEVICE_ID_LIMIT)

        def issue(unit: DeviceTokensUnit) -> Secret:
            tenant_id, now = self._service.context.tenant_id, self._service.clock()
            require_active(unit, tenant_id)
            secret = generate_secret(DEVICE, None, self._service.randomness)
            token = DeviceToken(
                id=self._service.new_id(),
                tenant_id=tenant_id,
                digest=digest_of(secret),
                device_id=clean,
                issued_at=now,
                last_used_at=now,
            )
            unit.device_tokens.add(token)
            unit.record(Change(kind=DEVICE_ISSUED, subject_id=token.id, new=token))
            return secret

        return self._service.units.write(issue)

    def list(self, ref: Reference) -> tuple[DeviceToken, ...]:
        """List the device tokens that the user's access tokens, unless revoked, are paired with, newest first.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)

        def query(unit: DeviceTokensUnit) -> list[DeviceToken]:
            tokens = unit.access_tokens.list_of(unit.get_or_raise(ref))
            return unit.device_tokens.get_many(
                [token.device_digest for token in tokens if token.device_digest and token.revoked_at is None]
            )

        found = self._service.units.read(query)
        return tuple(sorted(found, key=lambda token: (token.issued_at, token.id), reverse=True))

    def pair(self, access_token: Secret | str, device_token: Secret | str) -> AccessToken:
        """Pair an access token with a device instead of any other, and return the token as it is now.

        The tokens of other users are unpaired from the device, those of the same user stay. Pairing the same again
        changes nothing.

        Raises:
            TypeError: a secret is neither text nor a ``Secret``.
            TokenInvalid: the access token is not valid, or its user may not sign in; the subclasses name the reason.
            DeviceTokenUnknown: no device token of this tenant has this secret.
        """
        text_of(device_token)
        user_id, digest = read_holder(access_token, ACCESS)

        def work(unit: DeviceTokensUnit) -> AccessToken:
            now = self._service.clock()
            self._check_usable(unit.authentication.find(user_id, digest), now)  # before any lock
            device = lock_device(unit, device_token, user_id, at=now)
            return pair(unit, self._check_usable(unit.authentication.find(user_id, digest), now), device)

        return self._service.units.write(work)

    def unpair(self, access_token: Secret | str) -> AccessToken:
        """Unpair an access token from its device, if it is paired with one, and return the token as it is now.

        The user is asked for a second factor there again.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            TokenUnknown: no token of this tenant has this secret, or it was revoked.
        """
        user_id, digest = read_holder(access_token, ACCESS)

        def work(unit: DeviceTokensUnit) -> AccessToken:
            lock_holder_of(unit, unit.access_tokens, user_id, digest)
            token = unit.access_tokens.get(user_id, digest)
            unpaired = unit.access_tokens.unpair(user_id, digest)
            if token is None or unpaired is None:
                raise TokenUnknown
            if token.device_digest is not None:
                record_unpaired(unit, user_id, token.device_digest, 1)
            return unpaired

        return self._service.units.write(work)

    def users(self, device_token: Secret | str) -> tuple[User, ...]:
        """Return the users who have valid access tokens that are paired with this device, by id. One read.

        Raises:
            TypeError: the secret is neither text nor a ``Secret``.
            DeviceTokenUnknown: no device token of this tenant has this secret.
        """
        text_of(device_token)

        def query(unit: DeviceTokensUnit) -> list[User]:
            device, now = get_device(unit, device_token), self._service.clock()
            found = unit.users.get_many(unit.access_tokens.users_of_device(device.digest))
            return [user for user in found if self._uses(unit, user, device, now)]

        return tuple(sorted(self._service.units.read(query), key=lambda user: user.id))

    def _check_usable(self, owner: TokenOwner | None, now: datetime) -> AccessToken:
        """Return the token if it identifies its user now.

        Raises:
            TokenInvalid: it does not; its subclasses name the reason.
        """
        token = check_open(None if owner is None else owner.token, now=now, policy=self._tokens)
        if owner is None or not _identifies(token, owner.user, owner):
            raise TokenUnknown
        return token

    def _uses(self, unit: DeviceTokensUnit, user: User, device: DeviceToken, now: datetime) -> bool:
        """Return whether a token that is paired with the device identifies the user now."""
        paired = [token for token in unit.access_tokens.list_of(user.id) if token.device_digest == device.digest]
        opening = [token for token in paired if self._is_open(token, now)]
        if not opening:
            return False
        rights = unit.authentication.rights_of(user.id)
        return any(_identifies(token, user, rights) for token in opening)

    def _is_open(self, token: AccessToken, now: datetime) -> bool:
        try:
            check_open(token, now=now, policy=self._tokens)
        except TokenInvalid:
            return False
        return True


def _identifies(token: AccessToken, user: User, rights: Rights | TokenOwner) -> bool:
    return identifies(token.authenticator, user, tenant_active=rights.tenant_active, roles=rights.roles)
