"""Signing in by an access token that another system received; the token stays as it is."""

from datetime import datetime

import attrs

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import (
    Authenticated,
    LockedUser,
    LoginLookup,
    RejectedAttempt,
    SignInEvent,
    SignInUnit,
)
from usercore.authenticators.tokens import read_token, rejected_token, to_secret
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, Secret
from usercore.kernel.values import frozen
from usercore.storage.lookups import TokenOwner
from usercore.tokens.errors import TokenInvalid
from usercore.tokens.kinds import ACCESS
from usercore.tokens.policies import AccessTokenPolicy
from usercore.tokens.rules import check_open


@frozen(kw_only=True)
class AccessTokenCredentials:
    """The secret of an access token, used to sign in from another system."""

    secret: Secret = attrs.field(converter=to_secret)


@entity
class PresentedAccessToken:
    """The holder and the digest of an access token, which is looked up in the unit."""

    holder: UserId
    digest: Digest
    policy: AccessTokenPolicy

    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:
        """Return the user of a valid token.

        Raises:
            RejectedAttempt: the token is unknown, revoked or expired.
        """
        return self._find(unit, now).user.id

    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:  # noqa: ARG002 - nothing changes
        """Complete the attempt; the token stays valid.

        Raises:
            RejectedAttempt: it was revoked meanwhile.
        """
        found = self._find(unit, event.now)
        return Authenticated(
            status=AttemptStatus.ACCESS_TOKEN_OK,
            token=found.token,
            must_change_password=found.must_change_password,
        )

    def _find(self, unit: SignInUnit, now: datetime) -> TokenOwner:
        found = unit.authentication.find(self.holder, self.digest)
        if found is None:
            raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
        try:
            check_open(found.token, now=now, policy=self.policy)
        except TokenInvalid as error:
            raise rejected_token(unit, self.holder, error) from None
        return found


@frozen(kw_only=True)
class AccessTokenAuthenticator:
    """Signs in by an access token that another system received; no new one is issued."""

    policy: AccessTokenPolicy
    name: str = "access_token"
    priority: int = 200
    credentials: type[AccessTokenCredentials] = AccessTokenCredentials
    is_guessable: bool = False
    hashes: bool = False
    allows_privileged: bool = False
    is_multi_factor: bool = True
    unknown_status: AttemptStatus = AttemptStatus.TOKEN_NOT_FOUND

    def verify(
        self,
        credentials: AccessTokenCredentials,
        lookup: LoginLookup,  # noqa: ARG002 - the unit decides
        context: Context,  # noqa: ARG002 - the unit decides
    ) -> PresentedAccessToken:
        """Check the form of the secret.

        Raises:
            RejectedAttempt: no access token has such a secret.
        """
        holder, digest = read_token(credentials.secret, ACCESS)
        return PresentedAccessToken(holder=holder, digest=digest, policy=self.policy)
