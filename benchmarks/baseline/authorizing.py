"""W13 by hand: check an API token, its address and its grant."""

import json
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Final

from benchmarks.baseline.secrets import digest_of, is_well_formed
from benchmarks.baseline.store import TENANT, ByHand, Store, line, micros_of
from usercore.kernel.ids import TenantId
from usercore.kernel.secret import Digest
from usercore.kernel.time import Clock
from usercore.tokens.errors import AddressNotAllowed, ResourceNotGranted, TokenUnknown
from usercore.tokens.model import ApiToken

_FIND: Final = (
    "SELECT t.id, t.name, t.active, t.resources, t.addresses, t.issued_at, t.created_by, t.expires_at, t.last_used_at,"
    " t.revoked_at, t.change_no, n.active FROM usercore_api_tokens AS t"
    f" JOIN usercore_tenants AS n ON n.id = t.tenant_id WHERE t.digest = ? AND t.tenant_id = {TENANT}"
)
_NOTE: Final = (
    "UPDATE usercore_api_tokens SET last_used_at = ?1"
    " WHERE digest = ?2 AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < ?1)"
)

_network_of = cache(ip_network)


class Authorizing(ByHand):
    """Checks API tokens, and collects their last uses."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Use this store."""
        super().__init__(store, clock)
        self.uses: dict[bytes, datetime] = {}

    def authorize(self, secret: str, resource: str, ip: str) -> ApiToken:
        """Return the token if it may call this resource from this address.

        Raises:
            TokenUnknown: the token is unknown or not accepted.
            AddressNotAllowed: it is limited to other addresses.
            ResourceNotGranted: it was not granted the resource.
        """
        wanted, address = line(resource), ip_address(ip)
        if not is_well_formed(secret, "ucs_"):
            raise TokenUnknown
        digest = digest_of(secret)
        row = self.execute(_FIND, (digest,)).fetchone()
        if row is None:
            raise TokenUnknown
        number, name, active, resources, addresses, issued_at, by, expires_at, used_at, revoked_at, change_no = row[:-1]
        now = self.clock()
        if revoked_at is not None or not (active and row[-1]) or (expires_at and micros_of(now) >= expires_at):
            raise TokenUnknown
        networks = tuple(json.loads(addresses)) if addresses is not None else ()
        if networks and not any(address in _network_of(network) for network in networks):
            raise AddressNotAllowed
        granted = tuple(json.loads(resources)) if resources is not None else ()
        if wanted not in granted and "*" not in granted:
            raise ResourceNotGranted(wanted)
        self.uses[digest] = now
        return ApiToken(
            id=number,
            tenant_id=TenantId(TENANT),
            digest=Digest(digest),
            name=name,
            resources=granted,
            addresses=networks,
            issued_at=_instant(issued_at),
            created_by=by,
            expires_at=None if expires_at is None else _instant(expires_at),
            last_used_at=None if used_at is None else _instant(used_at),
            change_no=change_no,
        )

    def close(self) -> None:
        """Write the collected uses, and close."""
        rows = [(micros_of(at), digest) for digest, at in self.uses.items()]
        self.store.write(self.many, _NOTE, rows)
        super().close()


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)
