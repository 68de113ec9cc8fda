"""W2 by hand: sign in by email or username, and password."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from unicodedata import normalize

import argon2
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import verify_secret

from benchmarks.baseline.emails import key_of
from benchmarks.baseline.roles import HAS_FACTOR, NO_ROLES, Held, roles_of
from benchmarks.baseline.secrets import digest_of, draw, public_id
from benchmarks.baseline.store import TENANT, ByHand, Store, micros_of, to_json
from benchmarks.baseline.users import COLUMNS, user_of
from usercore.authenticators.errors import SignInRefused
from usercore.kernel.errors import RateLimited
from usercore.kernel.secret import Digest, Secret
from usercore.kernel.time import Clock
from usercore.passwords.rules import prepare
from usercore.sign_in.model import Identity, SignedIn
from usercore.users.model import User

_YEAR: Final = timedelta(days=365)
_DAY: Final = timedelta(days=1) // timedelta(microseconds=1)
_FIRST_WAIT: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_WAITING: Final = 10
_VOID: Final = 100
_LONGEST_NAME: Final = 256
_LONGEST: Final = 1024
_MOST_MEMORY: Final = 2_097_152
_MOST: Final = 16
_DECOY_SALT: Final = b"0" * 16
_NO_WAIT: Final = timedelta(0)
_NO_USER: Final[tuple[Any, ...]] = (0, *[None] * 7)

_FIND: Final = (
    "SELECT u.id, u.state, n.active, c.hash, c.version, c.set_at, c.must_change, c.expires_at"
    " FROM usercore_claims AS m JOIN usercore_users AS u ON u.id = m.holder_id"
    f" JOIN usercore_tenants AS n ON n.id = {TENANT} LEFT JOIN usercore_credentials AS c ON c.user_id = u.id"
    f" WHERE m.tenant_id = {TENANT} AND m.digest = ? AND m.key = ? AND (m.uses & 3) <> 0 AND u.tenant_id = {TENANT}"
)
_TRIES: Final = "SELECT tries, reset_up_to, wrong_passwords, last_at FROM usercore_failure_counters WHERE key = ?"
_ANEW: Final = f"CASE WHEN t.tries = t.reset_up_to OR t.last_at <= ?3 - {_DAY} THEN"
_COUNT: Final = (
    "INSERT INTO usercore_failure_counters AS t (key, kind, tries, reset_up_to, wrong_passwords, since, last_at)"
    " VALUES (?1, ?2, 1, 0, ?4, ?3, ?3) ON CONFLICT (key) DO UPDATE SET tries = t.tries + 1,"
    f" reset_up_to = {_ANEW} t.tries ELSE t.reset_up_to END, since = {_ANEW} ?3 ELSE t.since END,"
    " wrong_passwords = t.wrong_passwords + ?4, last_at = max(t.last_at, ?3) RETURNING tries"
)
_WRONG: Final = "UPDATE usercore_failure_counters SET wrong_passwords = wrong_passwords + 1 WHERE key = ?"
_RESET: Final = (
    "UPDATE usercore_failure_counters SET reset_up_to = min(tries, ?1), wrong_passwords = min(wrong_passwords,"
    " tries - min(tries, ?1)) WHERE key = ?2 AND reset_up_to <= ?1"
)
_ENTER: Final = (
    "UPDATE usercore_users SET change_no = change_no + 1, last_sign_in_at = ?1, last_sign_in_ip = NULL"
    f" WHERE id = ?2 AND tenant_id = {TENANT} AND state = 'active'"
    f" AND (SELECT active FROM usercore_tenants WHERE id = {TENANT})"
    " AND EXISTS (SELECT 1 FROM usercore_credentials WHERE user_id = ?2 AND version = ?3 AND set_at = ?4)"
    f" RETURNING {HAS_FACTOR}, {COLUMNS}"
)
_LOCK: Final = (
    f"UPDATE usercore_users SET change_no = change_no + 1 WHERE id = ? AND tenant_id = {TENANT} AND state <> 'erased'"
)
_REHASH: Final = "UPDATE usercore_credentials SET hash = ? WHERE user_id = ?"
_TOKEN: Final = (
    "INSERT INTO usercore_access_tokens (user_id, digest, authenticator, issued_at, last_used_at, expires_at)"
    " VALUES (?1, ?2, 'password', ?3, ?3, ?4)"
)
_ENTERED: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?, 'user', ?, 0, {TENANT}, 'access_token.issued', ?, 'host', ?)"
)
_ATTEMPT: Final = (
    "INSERT INTO usercore_attempts (user_id, id, tenant_id, login, login_digest, status, authenticator, at, count)"
    f" VALUES (?, ?, {TENANT}, ?, ?, ?, 'password', ?, 1)"
)
_USER: Final = f"SELECT {COLUMNS} FROM usercore_users WHERE id = ? AND tenant_id = {TENANT} AND state = 'active'"


class Passwords(ByHand):
    """Signs in with passwords, with the counters, history and attempt that usercore stores, too."""

    def __init__(self, store: Store, clock: Clock, hasher: argon2.PasswordHasher) -> None:
        """Use this store; ``hasher`` makes new hashes."""
        super().__init__(store, clock)
        self.hasher = hasher
        self.current = f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}$"

    def sign_in(self, login: str, password: str) -> Identity:
        """Sign in by email or username.

        Raises:
            RateLimited: after ten failures in a row, until the wait is over.
            SignInRefused: no user has this name and password, or the user may not sign in.
        """
        now, key, clean = self.clock(), _key_of(login), prepare(password, max_bytes=_LONGEST)
        at, digest = micros_of(now), _digest_of(key)
        found = self.execute(_FIND, (digest, key)).fetchone() or _NO_USER
        account = hmac.digest(self.key, _account_of(found[0], key).encode(), "sha256")
        tries = self.execute(_TRIES, (account,)).fetchone()
        ordinal = None if tries is None else self._reserve(account, tries, found[0], login, at)
        status = self._judge(found, clean, at)
        if status != "ok" or clean is None or (tries is not None and tries[2] >= _VOID):
            raise self.store.write(self._failed, account, ordinal, (found[0], login, at), status)
        fresh = None if found[3].startswith(self.current) else self.hasher.hash(clean)
        identity = self.store.write(self._enter, found, fresh, (login, digest), now, (account, ordinal))
        if identity is None:
            raise self._refused(found[0], "wrong_pass", login, at)
        return identity

    def _failed(self, account: bytes, ordinal: int | None, attempt: tuple[int, str, int], status: str) -> SignInRefused:
        user_id, login, at = attempt
        word = "wrong_pass" if status == "ok" else status
        is_wrong = bool(user_id) and word == "wrong_pass"
        if ordinal is None:
            self._count(account, user_id, at, wrong=is_wrong)
        elif is_wrong:
            self.execute(_WRONG, (account,))
        return self._refused(user_id, word, login, at)

    def _reserve(self, account: bytes, row: tuple[int, int, int, int], user_id: int, login: str, at: int) -> int | None:
        """Count the attempt before its outcome is known, if there are failures; refuse one that comes too early."""
        tries, reset_up_to, _, last_at = row
        failures = tries - reset_up_to
        if not failures or at - last_at >= _DAY:
            return None
        wait = min(_FIRST_WAIT * 2 ** min(failures - _WAITING, 32), _LONGEST_WAIT) if failures >= _WAITING else _NO_WAIT
        left = wait - timedelta(microseconds=at - last_at)
        if left > _NO_WAIT:
            self._refused(user_id, "rate_limit_exceeded", login, at)
            raise RateLimited(left)
        return self.store.write(self._count, account, user_id, at)

    def _count(self, account: bytes, user_id: int, at: int, *, wrong: bool = False) -> int:
        ((tries,),) = self.execute(_COUNT, (account, "account" if user_id else "login", at, wrong)).fetchall()
        return int(tries)

    def _judge(self, found: tuple[Any, ...], password: str | None, at: int) -> str:
        """Return the outcome; one hash is computed even if the user or credential is missing."""
        user_id, state, active, hashed, _, _, _, expires_at = found
        if hashed is None or password is None or not self._is_affordable(hashed):
            self.hasher.hash(password or "", salt=_DECOY_SALT)
            return "wrong_pass" if user_id else "not_found"
        try:
            verify_secret(hashed.encode(), password.encode(), argon2.Type.ID)
        except VerifyMismatchError:
            return "wrong_pass"
        except VerificationError:  # the hash is damaged
            self.hasher.hash(password, salt=_DECOY_SALT)
            return "wrong_pass"
        if expires_at is not None and at >= expires_at:
            return "wrong_pass"
        if state == "active" and active:
            return "ok"
        return "unclaimed_user" if state == "unclaimed" else "inactive_user"

    def _is_affordable(self, hashed: str) -> bool:
        if hashed.startswith(self.current):
            return True
        try:
            asked = argon2.extract_parameters(hashed)
        except InvalidHashError:
            return False
        few = asked.memory_cost <= _MOST_MEMORY and asked.time_cost <= _MOST and asked.parallelism <= _MOST
        return few and asked.type is argon2.Type.ID

    def _refused(self, user_id: int, status: str, login: str, at: int) -> SignInRefused:
        if user_id:
            self.execute(_LOCK, (user_id,))
        number = self.new_id()  # without a user it also spreads the rows over the shards, negative
        self.execute(_ATTEMPT, (user_id or -number, number, login, _digest_of(_key_of(login)), status, at))
        return SignInRefused()

    def _enter(
        self,
        found: tuple[Any, ...],
        fresh: str | None,
        login: tuple[str, bytes],
        now: datetime,
        counted: tuple[bytes, int | None],
    ) -> Identity | None:
        (account, ordinal), execute, at = counted, self.execute, micros_of(now)
        user_id, _, _, _, version, set_at, must_change, _ = found
        row = execute(_ENTER, (at, user_id, version, set_at)).fetchone()
        if row is None:
            return None
        has_factor, *columns = row
        user, (held, _) = user_of(tuple(columns)), roles_of(execute, user_id)
        if (user.requires_role and not held[0]) or has_factor:
            return None  # usercore stores a challenge for the second factor, and raises another error
        if ordinal is not None:
            execute(_RESET, (ordinal, account))
        if fresh is not None:
            execute(_REHASH, (fresh, user_id))
        secret = draw("uca_", user_id, self.randomness)
        token, expires_at = digest_of(secret), now + _YEAR
        execute(_ATTEMPT, (user_id, self.new_id(), *login, "ok", at))
        execute(_TOKEN, (user_id, token, at, micros_of(expires_at)))
        issued = {
            "public_id": public_id("uca", user_id, token),
            "authenticator": "password",
            "expires_at": expires_at.isoformat(),
        }
        execute(_ENTERED, (user_id, user.change_no, at, to_json(issued)))
        return _signed_in(user, now, secret, held, must_change=must_change == 1)

    def sign_in_barely(self, login: str, password: str) -> Identity:
        """Sign in, and store only the token."""
        now, key = self.clock(), key_of(login)
        user_id, _, _, hashed, _, _, must_change, _ = self.execute(_FIND, (_digest_of(key), key)).fetchone()
        verify_secret(hashed.encode(), password.encode(), argon2.Type.ID)
        user = user_of(self.execute(_USER, (user_id,)).fetchone())
        secret = draw("uca_", user_id, self.randomness)
        self.execute(_TOKEN, (user_id, digest_of(secret), micros_of(now), micros_of(now + _YEAR)))
        return _signed_in(user, now, secret, NO_ROLES, must_change=must_change == 1)


def _signed_in(user: User, now: datetime, secret: str, held: Held, *, must_change: bool) -> SignedIn:
    return SignedIn(
        user=user,
        roles=held[0],
        permissions=held[1],
        authenticator="password",
        authenticated_at=now,
        must_change_password=must_change,
        access_token=Secret(secret),
        token_digest=Digest(digest_of(secret)),
        token_expires_at=now + _YEAR,
    )


def _key_of(login: str) -> str:
    """Return the key of an email or username; an unused key if the login is invalid."""
    if len(login) > _LONGEST_NAME or not login.isprintable():
        return ""
    try:
        return key_of(login) if "@" in login else normalize("NFKC", normalize("NFKC", login).casefold())
    except ValueError:  # IDNA's errors are ValueErrors, too
        return ""


def _digest_of(key: str) -> bytes:
    return sha256(f"login\0{key}".encode()).digest()[:16]


def _account_of(user_id: int, key: str) -> str:
    return f"account\0{TENANT}\0{user_id}" if user_id else f"login\0{TENANT}\0{key}"
