"""Lookups for authentication, in memory."""

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.passwords.ports import CredentialRepository
from usercore.storage.lookups import AuthenticationLookup, LoginAccount, TokenOwner
from usercore.storage.recording import RecordingUnit
from usercore.tokens.ports import AccessTokenRepository
from usercore.users.model import User


class MemoryAuthenticationLookup(AuthenticationLookup):
    """Combines what the other repositories store."""

    def __init__(self, unit: RecordingUnit, tokens: AccessTokenRepository, credentials: CredentialRepository) -> None:
        self._unit = unit
        self._tokens = tokens
        self._credentials = credentials

    def find(self, user_id: UserId, digest: Digest) -> TokenOwner | None:
        token, user = self._tokens.get(user_id, digest), self._unit.users.get(user_id)
        if token is None or user is None:
            return None
        credential = self._credentials.get(user_id)
        must_change = credential is not None and credential.must_change
        return TokenOwner(token, user, self._is_tenant_active(user), must_change)

    def get(self, user_id: UserId) -> LoginAccount | None:
        user = self._unit.users.get(user_id)
        if user is None:
            return None
        return LoginAccount(user, self._is_tenant_active(user), self._credentials.get(user_id))

    def _is_tenant_active(self, user: User) -> bool:
        tenant = self._unit.tenants.get(user.tenant_id)
        return tenant is not None and tenant.active
