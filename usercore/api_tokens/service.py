"""API tokens: they authorize programs that call the host's API. One read for each call."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

import attrs

from usercore.api_tokens.rules import (
    NAME_LIMIT,
    Address,
    check_authorized,
    clean_addresses,
    clean_resource,
    clean_resources,
)
from usercore.attempts.misses import MissTracker
from usercore.attempts.ports import AttemptsUnit
from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.context import parse_ip
from usercore.kernel.entity import evolve
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.secret import Digest, Secret, digest_of, generate_secret, read_secret_without_holder, text_of
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, clean_line, refuse
from usercore.kernel.time import clean_instant
from usercore.kernel.values import frozen
from usercore.storage.lookups import LookupsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import require_active
from usercore.tokens.activity import ActivityTracker
from usercore.tokens.changes import (
    API_ACTIVATED,
    API_ADDRESSES_CHANGED,
    API_DEACTIVATED,
    API_GRANTS_CHANGED,
    API_ISSUED,
    API_REVOKED,
)
from usercore.tokens.errors import TokenMalformed, TokenMissing, TokenNotFound, TokenUnknown
from usercore.tokens.kinds import API
from usercore.tokens.model import ApiToken, IssuedApiToken, api_token_id_of
from usercore.tokens.policies import ApiTokenPolicy
from usercore.tokens.ports import TokensUnit


class ApiTokensUnit(TokensUnit, TenantsUnit, AttemptsUnit, LookupsUnit, Protocol):
    """The parts of a unit that API tokens need."""


@frozen(kw_only=True)
class ApiTokens:
    """Issues, changes and checks the API tokens of a tenant. Trusted, except ``authorize``, which is public.

    Safe to share between threads.
    """

    _service: ServiceContext[ApiTokensUnit]
    _policy: ApiTokenPolicy
    _activity: ActivityTracker
    _misses: MissTracker

    def authorize(self, secret: Secret | str | None, resource: str, *, ip: str | None = None) -> ApiToken:
        """Return the token with this secret if it may call a resource: one read.

        Its last use is stored once a minute. Secrets that do not exist are counted by address.

        Args:
            secret: the secret that came with the call; None or "" if there was none.
            resource: the name of what is called, compared exactly with what was granted.
            ip: the address of the caller; None means the one that this core is bound to.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the resource or the address is malformed.
            TokenMissing: there is no secret.
            TokenMalformed: the text is not the secret of an API token.
            TokenUnknown: no token of this tenant has this secret.
            TokenRevoked: the token was revoked.
            TokenExpired: the token has expired.
            TokenInactive: the token or the tenant is inactive.
            AddressNotAllowed: the token is not accepted from this address.
            ResourceNotGranted: the token was not granted this resource.
        """
        self._service.check_alone("api_tokens.authorize")
        wanted = clean_resource(resource)
        caller = self._service.context.ip if ip is None else ip
        address = None if caller is None else parse_ip(caller)
        if secret is None or not text_of(secret):
            raise TokenMissing
        digest = read_secret_without_holder(secret, API)
        if digest is None:
            self._record_miss(address)
            raise TokenMalformed
        found = self._service.units.read(lambda unit: unit.authentication.find_api_token(digest))
        if found is None:
            self._record_miss(address)
            raise TokenUnknown
        now = self._service.clock()
        token = check_authorized(
            found.token, tenant_active=found.tenant_active, resource=wanted, address=address, now=now
        )
        self._activity.note(None, digest, now, self._service.units)
        return token

    def _record_miss(self, address: Address | None) -> None:
        context = attrs.evolve(self._service.context, ip=None if address is None else str(address))
        self._misses.record(context, self._service.clock(), self._service.units)

    def issue(self, name: str, *, addresses: Iterable[str] = (), expires_at: datetime | None = None) -> IssuedApiToken:
        """Issue a token, which may call nothing until it is granted resources. The secret cannot be read again.

        Args:
            name: what operators call it, 1-255 characters.
            addresses: the IPv4 and IPv6 addresses and networks (CIDR) from which it is accepted; none means all.
            expires_at: the instant from which it is not accepted; None means that it does not expire.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the name or an address is malformed, there are too many addresses, or ``expires_at`` is not after
                now or has no time zone.
            TenantInactive: the tenant is inactive.
        """
        clean_name = clean_line(name, field="name", most=NAME_LIMIT, empty=False)
        networks = clean_addresses(addresses, self._policy)
        expires = None if expires_at is None else clean_instant(expires_at, field="expires_at")

        def issue(unit: ApiTokensUnit) -> IssuedApiToken:
            now, context = self._service.clock(), self._service.context
            if expires is not None and expires <= now:
                refuse("expires_at", "out_of_range")
            require_active(unit, context.tenant_id)
            secret = generate_secret(API, None, self._service.randomness)
            token = ApiToken(
                id=self._service.new_id(),
                tenant_id=context.tenant_id,
                digest=digest_of(secret),
                name=clean_name,
                addresses=networks,
                issued_at=now,
                created_by=str(context.actor),
                expires_at=expires,
            )
            unit.api_tokens.add(token)
            unit.record(Change(kind=API_ISSUED, subject_id=token.id, new=token))
            return IssuedApiToken(token=token, secret=secret)

        return self._service.units.write(issue)

    def list(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[ApiToken]:
        """List the tenant's tokens that were not revoked, the first issued first; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        rows, place = check_limit(limit), read_cursor(cursor, int)
        after = None if place is None else place[0]
        found = self._service.units.read(lambda unit: unit.api_tokens.list_from(after, limit=rows + 1))
        return page_of(found, rows, lambda token: (token.id,))

    def grant(self, public_id: str, resources: Iterable[str]) -> ApiToken:
        """Grant a token resources by their exact names, 1-255 characters each; "*" grants all there are.

        Returns the token as it is now; resources that it was granted before stay granted.

        Raises:
            TypeError: an argument has the wrong type; text is not a list.
            Invalid: there are no resources or too many, or a name is malformed.
            TokenNotFound: no token of this tenant has this public id, or it was revoked.
        """
        granted = clean_resources(resources)

        def grant(old: ApiToken) -> ApiToken:
            names = granted.union(old.resources)
            if len(names) > self._policy.max_resources:
                refuse("resources", "count")
            return evolve(old, resources=tuple(sorted(names)))

        return self._change(public_id, API_GRANTS_CHANGED, grant)

    def revoke_grants(self, public_id: str, resources: Iterable[str]) -> ApiToken:
        """Take resources from a token, and return it as it is now; those that it was not granted are ignored.

        Raises:
            TypeError: an argument has the wrong type; text is not a list.
            Invalid: there are no resources, or a name is malformed.
            TokenNotFound: no token of this tenant has this public id, or it was revoked.
        """
        taken = clean_resources(resources)
        return self._change(
            public_id,
            API_GRANTS_CHANGED,
            lambda old: evolve(old, resources=tuple(name for name in old.resources if name not in taken)),
        )

    def set_addresses(self, public_id: str, addresses: Iterable[str]) -> ApiToken:
        """Replace the addresses and networks from which a token is accepted, and return it; none means all.

        Raises:
            TypeError: an argument has the wrong type; text is not a list.
            Invalid: an address is malformed, or there are too many.
            TokenNotFound: no token of this tenant has this public id, or it was revoked.
        """
        networks = clean_addresses(addresses, self._policy)
        return self._change(public_id, API_ADDRESSES_CHANGED, lambda old: evolve(old, addresses=networks))

    def activate(self, public_id: str) -> ApiToken:
        """Activate a token that was deactivated, and return it as it is now.

        Raises:
            TypeError: the id is not text.
            TokenNotFound: no token of this tenant has this public id, or it was revoked.
        """
        return self._change(public_id, API_ACTIVATED, lambda old: evolve(old, active=True))

    def deactivate(self, public_id: str) -> ApiToken:
        """Deactivate a token, which is refused until it is activated again, and return it as it is now.

        Raises:
            TypeError: the id is not text.
            TokenNotFound: no token of this tenant has this public id, or it was revoked.
        """
        return self._change(public_id, API_DEACTIVATED, lambda old: evolve(old, active=False))

    def revoke(self, secret: Secret | str) -> ApiToken:
        """Revoke the token with this secret, and return it as it is now. A public id is not accepted.

        Raises:
            TypeError: it is neither text nor a ``Secret``.
            TokenUnknown: no token of this tenant has this secret, or it was revoked before.
        """
        digest = read_secret_without_holder(secret, API)
        if digest is None:
            raise TokenUnknown

        def revoke(unit: ApiTokensUnit) -> ApiToken:
            token_id = _id_of(unit, digest)
            revoked = None if token_id is None else self._replace(unit, token_id, API_REVOKED, self._revoked)
            if revoked is None:
                raise TokenUnknown
            return revoked

        return self._service.units.write(revoke)

    def revoke_by_id(self, public_id: str) -> ApiToken:
        """Revoke the token with this public id, and return it as it is now.

        Raises:
            TypeError: the id is not text.
            TokenNotFound: no token of this tenant has this public id, or it was revoked before.
        """
        return self._change(public_id, API_REVOKED, self._revoked)

    def _revoked(self, token: ApiToken) -> ApiToken:
        return evolve(token, revoked_at=self._service.clock())

    def _change(self, public_id: str, kind: ChangeKind, next_of: Callable[[ApiToken], ApiToken]) -> ApiToken:
        token_id = api_token_id_of(check_type(public_id, str, name="public_id"))
        if token_id is None:
            raise TokenNotFound

        def change(unit: ApiTokensUnit) -> ApiToken:
            changed = self._replace(unit, token_id, kind, next_of)
            if changed is None:
                raise TokenNotFound
            return changed

        return self._service.units.write(change)

    def _replace(
        self, unit: ApiTokensUnit, token_id: int, kind: ChangeKind, next_of: Callable[[ApiToken], ApiToken]
    ) -> ApiToken | None:
        """Lock a token and store its next state; return it, or None if it does not exist or was revoked."""
        old = unit.api_tokens.lock(token_id)
        if old is None or old.revoked_at is not None:
            return None
        new = next_of(old)
        if new != old:
            unit.api_tokens.replace(new)
            unit.record(Change(kind=kind, subject_id=old.id, old=old, new=new))
        return new


def _id_of(unit: ApiTokensUnit, digest: Digest) -> int | None:
    token = unit.api_tokens.get(digest)
    return None if token is None else token.id
