"""Signing in by a passkey: a signature by a key of the user's, who was verified by the authenticator."""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

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
from usercore.authenticators.tokens import to_secret
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen
from usercore.passkeys.errors import PasskeyRejected
from usercore.passkeys.keys import PasskeyKeys, SignInChallenge, challenge_of
from usercore.passkeys.model import Passkey, RelyingParty
from usercore.passkeys.ports import PasskeysUnit
from usercore.passkeys.rules import Assertion, Response, read_assertion
from usercore.passkeys.verification import NO_KEY, VerifiedAssertion, verify_assertion
from usercore.tokens.policies import ChallengePolicy

NAME: Final = "passkey"


@frozen(kw_only=True)
class PasskeyCredentials:
    """The secret of ``passkeys.begin_sign_in``, and what the browser returned: JSON, as text or decoded."""

    secret: Secret = attrs.field(converter=to_secret)
    response: Response = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the type of the response.

        Raises:
            TypeError: it is neither text nor a mapping.
        """
        if not isinstance(self.response, str):
            check_type(self.response, Mapping, name="response")  # type: ignore[type-abstract]  # any mapping will do


@entity
class VerifiedPasskey:
    """The passkey whose signature was right, and the key under which the use of its challenge is counted."""

    passkey: Passkey
    assertion: VerifiedAssertion
    use_key: bytes
    window: timedelta
    """How long a use of the challenge is remembered."""

    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:  # noqa: ARG002 - found before
        """Return the user of the passkey."""
        return self.passkey.user_id

    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:
        """Store the use of the challenge and the counter of the passkey.

        Raises:
            RejectedAttempt: the challenge was used before, the passkey was removed meanwhile, or its counter does not
                go forward.
        """
        if unit.rate_limits.use(self.use_key, at=event.now, window=self.window, most=1).used > 1:
            raise RejectedAttempt(AttemptStatus.TOKEN_COUNT_EXPIRED, user_id=locked.user.id)
        is_stored = unit.passkeys.use(
            self.passkey.credential_id,
            self.passkey.id,
            sign_count=self.assertion.sign_count,
            backed_up=self.assertion.backed_up,
            at=event.now,
        )
        if not is_stored:
            present = unit.passkeys.get(self.passkey.credential_id)
            is_same = present is not None and present.id == self.passkey.id
            status = AttemptStatus.PASSKEY_COUNTER if is_same else AttemptStatus.TOKEN_NOT_FOUND
            raise RejectedAttempt(status, user_id=locked.user.id)
        return Authenticated(status=AttemptStatus.PASSKEY_OK)


@frozen(kw_only=True)
class PasskeyAuthenticator:
    """Signs in by a passkey. The user was verified, by a PIN or a fingerprint, so it counts as two factors."""

    service: ServiceContext[PasskeysUnit]
    party: RelyingParty
    keys: PasskeyKeys
    challenges: ChallengePolicy

    name: str = NAME
    priority: int = 700
    credentials: type[PasskeyCredentials] = PasskeyCredentials
    is_guessable: bool = True
    hashes: bool = False
    allows_privileged: bool = True
    is_multi_factor: bool = True
    unknown_status: AttemptStatus = AttemptStatus.TOKEN_NOT_FOUND

    def verify(self, credentials: PasskeyCredentials, lookup: LoginLookup, context: Context) -> VerifiedPasskey:  # noqa: ARG002 - no login
        """Verify the signature; if the credential is unknown, by a key that no user has.

        Raises:
            RejectedAttempt: the challenge is not of this store or over, the credential is unknown, or the signature is
                wrong.
        """
        challenge = self.keys.read_sign_in(context.tenant_id, credentials.secret)
        try:
            given = read_assertion(credentials.response)
        except PasskeyRejected:
            raise _unknown() from None
        if challenge is None:
            raise _unknown()
        passkey = self.service.units.read(lambda unit: unit.passkeys.get(given.credential_id))
        verified = self._verify(credentials, given, passkey)
        if passkey is None:
            raise _unknown()
        if not self._is_valid(challenge):
            raise RejectedAttempt(AttemptStatus.TOKEN_DATE_EXPIRED, user_id=passkey.user_id)
        if verified is None or verified.backup_eligible != passkey.backup_eligible:
            raise RejectedAttempt(AttemptStatus.PASSKEY_WRONG, user_id=passkey.user_id)
        return VerifiedPasskey(
            passkey=passkey,
            assertion=verified,
            use_key=challenge.use_key,
            window=2 * self.challenges.lifetime,
        )

    def _verify(
        self, credentials: PasskeyCredentials, given: Assertion, passkey: Passkey | None
    ) -> VerifiedAssertion | None:
        """Return what is verified, or None if signature or user handle is wrong."""
        key = NO_KEY if passkey is None else passkey.public_key
        try:
            verified = verify_assertion(given, self.party, challenge=challenge_of(credentials.secret), public_key=key)
        except PasskeyRejected:
            return None
        if passkey is None:
            return None
        handle = self.keys.user_handle(passkey.tenant_id, passkey.user_id)
        return verified if hmac.compare_digest(handle, given.user_handle) else None

    def _is_valid(self, challenge: SignInChallenge) -> bool:
        """Return whether the challenge is not over. One from too far in the future is: the clock was set back."""
        now, lifetime = self.service.clock(), self.challenges.lifetime
        return now < challenge.expires_at <= now + 2 * lifetime


def _unknown() -> RejectedAttempt:
    return RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
