"""W14 by hand: register a user with a password, and sign the user in."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import argon2

from benchmarks.baseline.emails import clean_email, key_of
from benchmarks.baseline.registering import DAY, PAUSE, Refusal, RegistrationSteps
from benchmarks.baseline.secrets import digest_of, draw, public_id
from benchmarks.baseline.store import TENANT, Store, micros_of, to_json
from benchmarks.baseline.words import ADD as ADD_WORD
from usercore.kernel.errors import RateLimited, Taken
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.secret import Secret
from usercore.kernel.time import Clock
from usercore.passwords.model import PasswordPolicy
from usercore.passwords.rules import check_strength, screen_password
from usercore.registration.steps import Registration
from usercore.users.model import User

_YEAR: Final = timedelta(days=365)

_LIMITS: Final = "SELECT key, started_at, used FROM usercore_rate_limits WHERE key IN (?, ?)"
_CLAIM: Final = (
    "INSERT INTO usercore_claims (holder_id, digest, tenant_id, space, key, uses)"
    f" VALUES (?, ?, {TENANT}, 'login', ?, 1) ON CONFLICT DO NOTHING"
)
_ADD: Final = (
    "INSERT INTO usercore_users (id, tenant_id, state, email, source, is_institution, requires_role, last_sign_in_at,"
    " registered_at, created_at, created_by, modified_at, modified_by, version, change_no)"
    f" VALUES (?1, {TENANT}, 'active', ?2, 'unknown', FALSE, FALSE, ?3, ?3, ?3, 'host', ?3, 'host', 1, 1)"
)
_CREDENTIAL: Final = (
    "INSERT INTO usercore_credentials (user_id, hash, version, set_at, reason, must_change)"
    " VALUES (?, ?, 1, ?, 'registration', FALSE)"
)
_TOKEN: Final = (
    "INSERT INTO usercore_access_tokens (user_id, digest, authenticator, issued_at, last_used_at, expires_at)"
    " VALUES (?1, ?2, 'registration', ?3, ?3, ?4)"
)
_ATTEMPT: Final = (
    "INSERT INTO usercore_attempts (user_id, id, tenant_id, login, login_digest, status, authenticator, at, count)"
    f" VALUES (?, ?, {TENANT}, ?, ?, 'login_after_sign_up', 'registration', ?, 1)"
)
_REGISTERED: Final = (
    "INSERT INTO usercore_registration_attempts (user_id, id, tenant_id, login, login_digest, status, at)"
    f" VALUES (?, ?, {TENANT}, ?, ?, 'ok', ?)"
)
_ROW: Final = f"(?1, 'user', 1, {{}}, {TENANT}, '{{}}', ?2, 'host', ?{{}})"
_HISTORY: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES {_ROW.format(0, 'user.registered', 3)}, {_ROW.format(1, 'password.set', 4)},"
    f" {_ROW.format(2, 'access_token.issued', 5)}"
)


class SigningUp(RegistrationSteps):
    """Registers and signs in, with what usercore stores, too; the rules of passwords are usercore's own."""

    def __init__(self, store: Store, clock: Clock, hasher: argon2.PasswordHasher) -> None:
        """Hash by this hasher."""
        super().__init__(store, clock)
        self.hasher, self.policy = hasher, PasswordPolicy()

    def sign_up(self, email: str, password: str) -> Registration:
        """Register a user.

        Raises:
            PasswordRefused: the password breaks the policy.
            RateLimited: too many attempts with this email.
            TenantInactive: the tenant is inactive.
            Taken: another user has the email.
        """
        email = clean_email(email)
        local, _, _ = email.partition("@")
        screened = screen_password(password, policy=self.policy, personal=[email, local])
        key, now = key_of(email), self.clock()
        refusal = self._refusal(key, micros_of(now))
        if refusal is not None:
            raise self.store.write(self._refused, *refusal, email, micros_of(now))
        hashed = self.hasher.hash(check_strength(screened, self.policy))
        outcome = self.store.write(self._sign_up, email, key, hashed)
        if isinstance(outcome, Registration):
            return outcome
        raise outcome

    def _refusal(self, key: str, at: int) -> tuple[Refusal, str] | None:
        """Return what would refuse the registration, looked up before the password is hashed."""
        found = self.look(key)
        if not isinstance(found, list):
            return found
        windows = {self.limit_key("pause", key): (PAUSE, 1), self.limit_key("email", key): (DAY, 5)}
        for name, started_at, used in self.execute(_LIMITS, tuple(windows)).fetchall():
            window, most = windows[name]
            if used >= most and at < started_at + window // timedelta(microseconds=1):
                return RateLimited(window), "rate_limited"
        return (Taken("login", "email"), "taken_email") if found[0] is not None else None

    def _sign_up(self, email: str, key: str, hashed: str) -> Registration | Refusal:
        execute, now = self.execute, self.clock()
        at, user_id = micros_of(now), self.new_id()
        found = self.look(key)
        if not isinstance(found, list):
            return self._refused(*found, email, at)
        for what, window, most in (("pause", PAUSE, 1), ("email", DAY, 5)):
            if not self.may_use(what, key, at, window, most):
                return self._refused(RateLimited(window), "rate_limited", email, at)
        digest = sha256(f"login\0{key}".encode()).digest()[:16]
        if not execute(_CLAIM, (user_id, digest, key)).rowcount:
            return self._refused(Taken("login", "email"), "taken_email", email, at)
        execute(_ADD, (user_id, email, at))
        execute(ADD_WORD, (user_id, email.lower()))
        execute(_CREDENTIAL, (user_id, hashed, at))
        secret, expires_at = draw("uca_", user_id, self.randomness), now + _YEAR
        token = digest_of(secret)
        execute(_TOKEN, (user_id, token, at, micros_of(expires_at)))
        execute(_ATTEMPT, (user_id, self.new_id(), email, digest, at))
        execute(_REGISTERED, (user_id, self.new_id(), email, digest, at))
        execute(_HISTORY, (user_id, at, *_texts(email, now, public_id("uca", user_id, token), expires_at)))
        return Registration(user=_user(user_id, email, now), access_token=Secret(secret))


def _texts(email: str, now: datetime, token_id: str, expires_at: datetime) -> tuple[str, str, str]:
    registered = {"state": "active", "email": email, "source": "unknown"}
    issued = {"public_id": token_id, "authenticator": "registration", "expires_at": expires_at.isoformat()}
    return to_json(registered), to_json({"reason": "registration", "set_at": now.isoformat()}), to_json(issued)


def _user(number: int, email: str, now: datetime) -> User:
    return User(
        id=UserId(number),
        tenant_id=TenantId(TENANT),
        email=email,
        last_sign_in_at=now,
        registered_at=now,
        created_at=now,
        created_by="host",
        modified_at=now,
        modified_by="host",
    )
