"""The keys of counters: an HMAC of what is counted, so that read access to the database reveals no login or address."""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import attrs

from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.networks import block_of
from usercore.kernel.secret import SecretBytes, secret_bytes_of
from usercore.kernel.values import frozen

EMAIL_LIMITS: Final = ("pause", "email")
"""The names of the rate limits of an email."""


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

    def of_user(
        self, tenant_id: TenantId, user_id: UserId, *, logins: Iterable[str], emails: Iterable[str]
    ) -> tuple[list[bytes], list[bytes]]:
        """Return all keys of failures and of rate limits that are made of a user's id or identifiers, not of addresses.

        ``logins`` and ``emails`` are the keys of the identifiers, as the methods above take them.
        """
        failures = [self.account(tenant_id, user_id), self.second_factor(tenant_id, user_id)]
        failures += [self.login(tenant_id, login) for login in logins]
        limits = [self.reset_account(tenant_id, user_id), *(self.reset_login(tenant_id, login) for login in logins)]
        limits += [self.registration(tenant_id, limit, email) for email in emails for limit in EMAIL_LIMITS]
        return failures, limits

    def recipient(self, key: str) -> bytes:
        """Return the key of the recipient of a mail."""
        return self._key("recipient", key)

    def _block_of(self, ip: str) -> str:
        return block_of(ip, ipv6_prefix=self._ipv6_prefix)

    def _key(self, *parts: str | int) -> bytes:
        return hmac.digest(self._secret.reveal(), "\0".join(map(str, parts)).encode(), sha256)
