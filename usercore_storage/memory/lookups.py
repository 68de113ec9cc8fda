"""Lookups for authentication, in memory."""

from datetime import datetime

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.passkeys.ports import PasskeyRepository
from usercore.passwords.ports import CredentialRepository
from usercore.passwords.rules import is_expired
from usercore.roles.model import ActiveRole
from usercore.roles.ports import RoleAssignmentRepository, RoleRepository
from usercore.roles.rules import in_order
from usercore.second_factors.ports import SecondFactorRepository
from usercore.storage.lookups import (
    ApiTokenOwner,
    AuthenticationLookup,
    LoginAccount,
    Rights,
    SignInMeans,
    TokenOwner,
    account_user_of,
)
from usercore.storage.recording import RecordingUnit
from usercore.tokens.ports import AccessTokenRepository, ApiTokenRepository
from usercore.users.keys import ClaimName
from usercore.users.model import User
from usercore_storage.memory.users import MemoryUsers


class MemoryAuthenticationLookup(AuthenticationLookup):
    """Combines what the other repositories store."""

    def __init__(
        self,
        unit: RecordingUnit,
        *,
        users: MemoryUsers,
        passkeys: PasskeyRepository,
        tokens: AccessTokenRepository,
        api_tokens: ApiTokenRepository,
        credentials: CredentialRepository,
        second_factors: SecondFactorRepository,
        roles: RoleRepository,
        assignments: RoleAssignmentRepository,
    ) -> None:
        self._unit = unit
        self._users = users
        self._passkeys = passkeys
        self._tokens = tokens
        self._api_tokens = api_tokens
        self._credentials = credentials
        self._second_factors = second_factors
        self._roles = roles
        self._assignments = assignments

    def find(self, user_id: UserId, digest: Digest) -> TokenOwner | None:
        token, user = self._tokens.get(user_id, digest), self._unit.users.get(user_id)
        if token is None or user is None:
            return None
        credential = self._credentials.get(user_id)
        must_change = credential is not None and credential.must_change
        return TokenOwner(token, user, self._is_tenant_active(), must_change, self._active_roles(user_id))

    def find_api_token(self, digest: Digest) -> ApiTokenOwner | None:
        token = self._api_tokens.get(digest)
        return None if token is None else ApiTokenOwner(token, self._is_tenant_active())

    def get(self, user_id: UserId) -> LoginAccount | None:
        user = self._unit.users.get(user_id)
        if user is None:
            return None
        credential = self._credentials.get(user_id)
        return LoginAccount(account_user_of(user), self._is_tenant_active(), credential, self._active_roles(user_id))

    def find_by_claim(self, name: ClaimName) -> LoginAccount | None:
        user = self._unit.users.find_by_claim(name)
        return None if user is None else self.get(user.id)

    def rights_of(self, user_id: UserId) -> Rights:
        credential, factors = self._credentials.get(user_id), self._second_factors
        return Rights(self._is_tenant_active(), credential, factors.has_confirmed(user_id), self._active_roles(user_id))

    def list_able(self, *, at: datetime, limit: int) -> list[SignInMeans]:
        means = (self._means_of(user, at) for user in self._users.active())
        return [one for one in means if one.password is not None or one.has_passkey][:limit]

    def _means_of(self, user: User, at: datetime) -> SignInMeans:
        credential = self._credentials.get(user.id)
        has_password = credential is not None and not credential.is_void and not is_expired(credential, now=at)
        has_login = user.email is not None or user.username is not None
        password = credential if has_password and has_login else None
        return SignInMeans(user.id, password, bool(self._passkeys.list_of(user.id)))

    def _is_tenant_active(self) -> bool:
        return self._unit.tenants.is_active(self._unit.tenant_id)

    def _active_roles(self, user_id: UserId) -> tuple[ActiveRole, ...]:
        assignments = self._assignments.list_of(user_id)
        if not assignments:
            return ()
        roles = self._roles.get_many([assignment.role_id for assignment in assignments])
        return in_order(
            ActiveRole(name=role.name, privileged=role.privileged, permissions=role.permissions)
            for role in roles
            if role.active
        )
