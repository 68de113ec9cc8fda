"""Look-ups of compliance in memory."""

from usercore.kernel.ids import UserId
from usercore.passkeys.ports import PasskeyRepository
from usercore.passwords.ports import CredentialRepository
from usercore.second_factors.ports import SecondFactorRepository
from usercore.storage.compliance import AccountSecurity, ComplianceLookup, OldestRows
from usercore.storage.lookups import AuthenticationLookup
from usercore.users.model import User, UserState
from usercore_storage.memory.attempts import MemoryAttempts, MemoryRegistrationAttempts
from usercore_storage.memory.outbox import MemoryOutbox
from usercore_storage.memory.tokens import MemoryAccessTokens, MemoryLimitedUseTokens
from usercore_storage.memory.users import MemoryUsers


class MemoryComplianceLookup(ComplianceLookup):
    """Combines what the other repositories store."""

    def __init__(
        self,
        *,
        users: MemoryUsers,
        credentials: CredentialRepository,
        second_factors: SecondFactorRepository,
        passkeys: PasskeyRepository,
        tokens: MemoryAccessTokens,
        limited_use_tokens: MemoryLimitedUseTokens,
        attempts: MemoryAttempts,
        registration_attempts: MemoryRegistrationAttempts,
        deliveries: MemoryOutbox,
        authentication: AuthenticationLookup,
    ) -> None:
        self._users = users
        self._credentials = credentials
        self._second_factors = second_factors
        self._passkeys = passkeys
        self._tokens = tokens
        self._limited_use_tokens = limited_use_tokens
        self._attempts = attempts
        self._registration_attempts = registration_attempts
        self._deliveries = deliveries
        self._authentication = authentication

    def list_accounts(self, after: UserId, /, *, limit: int) -> list[AccountSecurity]:
        return [self._security_of(user) for user in self._users.list_from(UserState.ACTIVE, after=after, limit=limit)]

    def oldest_rows(self) -> OldestRows:
        return OldestRows(
            attempt=min(self._attempts.instants(), default=None),
            registration_attempt=min(self._registration_attempts.instants(), default=None),
            completed_delivery=min(self._deliveries.completions(), default=None),
        )

    def _security_of(self, user: User) -> AccountSecurity:
        tokens = self._tokens.all_of(user.id)
        limited = self._limited_use_tokens.all_of(user.id)
        return AccountSecurity(
            user_id=user.id,
            has_unverified_email=user.email is not None and user.email_verified_at is None,
            is_privileged=any(role.privileged for role in self._authentication.rights_of(user.id).roles),
            credential=self._credentials.get(user.id),
            factors=tuple(one for one in self._second_factors.list_of(user.id) if one.confirmed_at is not None),
            has_passkey=bool(self._passkeys.list_of(user.id)),
            access_tokens=tuple(token for token in tokens if token.revoked_at is None),
            limited_use_tokens=tuple(one for one in limited if one.revoked_at is None and one.uses < one.max_uses),
        )
