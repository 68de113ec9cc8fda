"""The keys of counters: an HMAC of what is counted, so that read access to the database reveals no login or address."""

import hmac
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

import attrs

from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.secret import SecretBytes, secret_bytes_of
from usercore.kernel.values import frozen


@frozen(kw_only=True)
class CounterKeys:
    """Computes the keys of counters. One object, so that everything that counts an account counts under one key."""

    _secret: SecretBytes = attrs.field(converter=secret_bytes_of, repr=False)
    _ipv6_prefix: int

    def account(self, tenant_id: TenantId, user_id: UserId) -> bytes:
        """Return the key of a user's failures."""
        return self._key("account", tenant_id, user_id)

    def second_factor(self, tenant_id: TenantId, user_id: UserId) -> bytes:
        """Return the key of a user's wrong codes."""
        return self._key("second_factor", tenant_id, user_id)

    def login(self, tenant_id: TenantId, login: str) -> bytes:
        """Return the key of the failures of a login that no user has."""
        return self._key("login", tenant_id, login)

    def address(self, tenant_id: TenantId, ip: str) -> bytes:
        """Return the key of the failures from an address."""
        return self._key("address", tenant_id, self._block_of(ip))

    def registration(self, tenant_id: TenantId, limit: str, email: str) -> bytes:
        """Return the key of a rate limit of an email; ``limit`` names which."""
        return self._key("registration", limit, tenant_id, email)

    def registration_address(self, tenant_id: TenantId, ip: str) -> bytes:
        """Return the key of the rate limit of registrations from an address."""
        return self._key("registration", "ip", tenant_id, self._block_of(ip))

    def reset_account(self, tenant_id: TenantId, user_id: UserId) -> bytes:
        """Return the key of the rate limit of a user's requests to reset the password."""
        return self._key("reset", "account", tenant_id, user_id)

    def reset_login(self, tenant_id: TenantId, login: str) -> bytes:
        """Return the key of the rate limit of such requests for a login that no user has."""
        return self._key("reset", "login", tenant_id, login)

    def reset_address(self, tenant_id: TenantId, ip: str) -> bytes:
        """Return the key of the rate limit of such requests from an address."""
        return self._key("reset", "ip", tenant_id, self._block_of(ip))

    def recipient(self, key: str) -> bytes:
        """Return the key of the recipient of a mail."""
        return self._key("recipient", key)

    def _block_of(self, ip: str) -> str:
        """Return the addresses that count as one: an IPv4 address alone, an IPv6 address with its prefix."""
        address = ip_address(ip)
        if isinstance(address, IPv6Address):
            return str(ip_network((address, self._ipv6_prefix), strict=False))
        return str(address)

    def _key(self, *parts: str | int) -> bytes:
        return hmac.digest(self._secret.reveal(), "\0".join(map(str, parts)).encode(), sha256)
