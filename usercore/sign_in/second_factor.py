"""The second step of a sign-in: who needs it, the challenge that the first step raises, and the check of a code.

Everything that a code decides happens in one unit that has locked the user: the wait, the code, the counter. So wrong
codes cannot be tried in parallel, and what the first step found is looked at again.
"""

from collections.abc import Sequence
from datetime import datetime

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import Authenticated, BuiltInAuthenticator, LockedUser, RejectedAttempt, SignInUnit
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.errors import RateLimited, Rejected
from usercore.kernel.secret import Digest, Secret, digest_of, generate_secret, read_secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.passwords.model import Credential
from usercore.second_factors.encryption import FactorCipher
from usercore.second_factors.errors import SecondFactorRequired, SecondFactorSetupRequired
from usercore.second_factors.model import (
    ADDED,
    CHALLENGE,
    RECOVERY_CODE_USED,
    FactorAddition,
    RecoveryCodesLeft,
    SecondFactorPolicy,
    SignInChallenge,
    StoredFactor,
)
from usercore.second_factors.rules import (
    clean_code,
    confirmed,
    digest_of_recovery_code,
    is_redeemable,
    is_required,
    pending,
)
from usercore.second_factors.totp import matching_step
from usercore.sign_in.locked_user import lock_user
from usercore.throttling.keys import CounterKeys
from usercore.throttling.model import CounterKind, ThrottlePolicy
from usercore.throttling.rules import counting_rule, locked_until
from usercore.tokens.pairing import LockedDevice
from usercore.tokens.remembering import forget_all_devices, has_remembered, remember_device
from usercore.users.model import User

NAME = "second_factor"
"""The name of the second step in attempts."""


@frozen(kw_only=True)
class FirstFactor:
    """What the first step found, as far as the second one needs it."""

    locked: LockedUser
    authenticator: BuiltInAuthenticator
    done: Authenticated
    source: str | None
    device_digest: Digest | None
    counter: tuple[bytes, int] | None
    """The key of the failures that the sign-in forgets when it is complete, and up to which try."""


@frozen(kw_only=True)
class SecondStep:
    """Issues challenges and checks codes."""

    _service: ServiceContext[SignInUnit]
    _policy: SecondFactorPolicy
    _cipher: FactorCipher
    _keys: CounterKeys
    _throttles: ThrottlePolicy

    def is_missing(
        self,
        unit: SignInUnit,
        locked: LockedUser,
        authenticator: BuiltInAuthenticator,
        device: LockedDevice | None,
        *,
        now: datetime,
    ) -> bool:
        """Return whether a sign-in lacks a second factor of the locked user, and its device is not remembered."""
        if authenticator.is_multi_factor:
            return False
        if not locked.rights.has_second_factor:
            return self._demands(locked)
        lifetime = self._policy.remember_device_for
        return device is None or not has_remembered(unit, locked.user.id, device.token, now=now, lifetime=lifetime)

    def remember(self, unit: SignInUnit, user: User, device: LockedDevice, *, at: datetime) -> None:
        """Remember the device on which the locked user has shown a second factor, if the policy has it so."""
        if self._policy.remember_device_for:
            remember_device(unit, user.id, device.token, at=at)

    def _demands(self, locked: LockedUser) -> bool:
        return is_required(self._policy, is_privileged=locked.is_privileged)

    def issue(self, unit: SignInUnit, first: FirstFactor, *, at: datetime) -> Rejected:
        """Store a challenge of the locked user, and return the error that carries it."""
        challenge_id, user = self._service.new_id(), first.locked.user
        secret = generate_secret(CHALLENGE, challenge_id, self._service.randomness)
        version, set_at = _password_of(first.locked.rights.credential)
        key, tries = first.counter or (None, 0)
        challenge = SignInChallenge(
            id=challenge_id,
            tenant_id=user.tenant_id,
            digest=digest_of(secret),
            user_id=user.id,
            user_version=user.version,
            authenticator=first.authenticator.name,
            allows_privileged=first.authenticator.allows_privileged,
            status=first.done.status.value,
            source=first.source,
            device_digest=first.device_digest,
            password_version=version,
            password_set_at=set_at,
            counter_key=key,
            counter_tries=tries,
            issued_at=at,
            expires_at=at + self._policy.challenge_lifetime,
        )
        unit.sign_in_challenges.add(challenge)
        if first.locked.rights.has_second_factor:
            return SecondFactorRequired(secret)
        return SecondFactorSetupRequired(secret)

    def find(self, unit: SignInUnit, secret: Secret) -> SignInChallenge:
        """Return the challenge with this secret. Locks nothing.

        Raises:
            RejectedAttempt: there is none.
        """
        challenge_id, digest = check_form(secret)
        found = unit.sign_in_challenges.get(challenge_id)
        if found is None or found.digest != digest:
            raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
        return found

    def lock(self, unit: SignInUnit, found: SignInChallenge, *, now: datetime) -> LockedUser:
        """Lock the user of a challenge, and check again what the first step checked.

        Raises:
            RejectedAttempt: the challenge was redeemed or has expired, the user may not sign in or not by this
                authenticator, or the password or another of the user's own values was replaced.
        """
        locked = lock_user(
            unit,
            found.user_id,
            None,
            allows_privileged=found.allows_privileged,
            unknown_status=AttemptStatus.NOT_FOUND,
        )
        challenge = unit.sign_in_challenges.get(found.id)  # again: another unit may have redeemed it before the lock
        obstacle = None
        if challenge is None or challenge.redeemed_at is not None:
            obstacle = AttemptStatus.TOKEN_COUNT_EXPIRED
        elif not is_redeemable(challenge, now=now):
            obstacle = AttemptStatus.TOKEN_DATE_EXPIRED
        elif _password_of(locked.rights.credential) != _password_in(challenge):
            obstacle = AttemptStatus.WRONG_PASS
        elif locked.user.version != challenge.user_version:  # such as by an undo of a change of the email
            obstacle = AttemptStatus.REFUSED
        if obstacle is not None:
            raise RejectedAttempt(obstacle, user_id=found.user_id)
        return locked

    def check_code(self, unit: SignInUnit, locked: LockedUser, code: str, *, now: datetime) -> None:
        """Check a code of the locked user, use it up, and reset the wrong ones before it. A refusal writes nothing.

        Raises:
            RejectedAttempt: the code is wrong or was used, or it is too early for another one.
        """
        user = locked.user
        key = self._keys.second_factor(user.tenant_id, user.id)
        counter = next(iter(unit.failure_counters.get_many([key])), None)
        until = locked_until(counter, now=now, policy=self._throttles)
        if until is not None:
            error = RateLimited(until - now)
            raise RejectedAttempt(AttemptStatus.RATE_LIMIT_EXCEEDED, user_id=user.id, error=error)
        if not self._accept(unit, locked, code, now):
            raise RejectedAttempt(AttemptStatus.SECOND_FACTOR_WRONG, user_id=user.id)
        if counter is not None:
            unit.failure_counters.reset(key, up_to=counter.tries)

    def record_failure(self, unit: SignInUnit, user: User, *, now: datetime) -> None:
        """Count a wrong code of the locked user."""
        rule = counting_rule(CounterKind.SECOND_FACTOR, now=now, policy=self._throttles)
        key = self._keys.second_factor(user.tenant_id, user.id)
        unit.failure_counters.record_failure(key, CounterKind.SECOND_FACTOR, at=now, rule=rule)

    def _accept(self, unit: SignInUnit, locked: LockedUser, code: str, now: datetime) -> bool:
        user = locked.user
        stored = unit.second_factors.list_of(user.id)
        factors = confirmed(stored)
        if not factors:
            begun = pending(stored, now=now, policy=self._policy)
            if begun is None or not self._demands(locked):
                return False
            return self.confirm(unit, user, begun, code, now=now) is not None
        return self._accept_totp(unit, factors, code, now) or self._accept_recovery_code(unit, user, code, now)

    def _accept_totp(self, unit: SignInUnit, factors: Sequence[StoredFactor], code: str, now: datetime) -> bool:
        for factor in factors:
            secret, step = self._match(factor, code, now)
            if step is not None and unit.second_factors.accept(factor.user_id, factor.id, step=step, at=now):
                if factor.key_id != self._cipher.key_id:
                    unit.second_factors.put(self._encrypted(factor, secret, last_step=step, last_used_at=now))
                return True
        return False

    def _accept_recovery_code(self, unit: SignInUnit, user: User, code: str, now: datetime) -> bool:
        if not unit.recovery_codes.redeem(user.id, digest_of_recovery_code(code), at=now):
            return False
        left = RecoveryCodesLeft(left=sum(one.used_at is None for one in unit.recovery_codes.list_of(user.id)))
        unit.record(Change(kind=RECOVERY_CODE_USED, subject_id=user.id, new=left, recipient=user.email))
        return True

    def confirm(
        self, unit: SignInUnit, user: User, begun: StoredFactor, code: str, *, now: datetime
    ) -> StoredFactor | None:
        """Store that a factor of the locked user counts if this is its code, which is used up; else return None."""
        _, step = self._match(begun, code, now)
        if step is None:
            return None
        factor = evolve(begun, confirmed_at=now, last_step=step)
        unit.second_factors.put(factor)
        added = FactorAddition(factor_id=factor.id, name=factor.name)
        unit.record(Change(kind=ADDED, subject_id=user.id, new=added, recipient=user.email))
        forget_all_devices(unit, user.id, reason=ADDED.name)
        return factor

    def _match(self, factor: StoredFactor, code: str, now: datetime) -> tuple[bytes, int | None]:
        secret = self._cipher.decrypt(factor)
        if secret is None:
            return b"", None
        return secret, matching_step(secret, clean_code(code), now=now, window=self._policy.window)

    def _encrypted(self, factor: StoredFactor, secret: bytes, **changes: object) -> StoredFactor:
        encrypted = self._cipher.encrypt(
            secret, user_id=factor.user_id, factor_id=factor.id, randomness=self._service.randomness
        )
        return evolve(factor, key_id=self._cipher.key_id, encrypted=encrypted, **changes)


def check_form(secret: Secret) -> tuple[int, Digest]:
    """Return the id and the digest of a challenge. No unit needs to be opened for a malformed one.

    Raises:
        RejectedAttempt: no challenge has this form.
    """
    read = read_secret(secret, CHALLENGE)
    if read is None:
        raise RejectedAttempt(AttemptStatus.TOKEN_NOT_FOUND, is_miss=True)
    return read


def _password_of(credential: Credential | None) -> tuple[int, datetime | None]:
    return (0, None) if credential is None else (credential.version, credential.set_at)


def _password_in(challenge: SignInChallenge) -> tuple[int, datetime | None]:
    return challenge.password_version, challenge.password_set_at
