"""W5 by hand: issue a login token, and sign in with it."""

from datetime import datetime, timedelta
from typing import Final

from benchmarks.baseline.roles import HAS_FACTOR, NO_ROLES, Held, roles_of
from benchmarks.baseline.secrets import digest_of, draw, holder_of, public_id
from benchmarks.baseline.store import TENANT, ByHand, micros_of, to_json
from benchmarks.baseline.users import COLUMNS, user_of
from usercore.authenticators.errors import SignInRefused
from usercore.kernel.secret import Digest, Secret
from usercore.sign_in.model import Identity, SignedIn
from usercore.users.model import User

_MINUTES: Final = timedelta(minutes=5)
_YEAR: Final = timedelta(days=365)

_GUARD: Final = (
    "UPDATE usercore_users SET change_no = change_no + 1"
    f" WHERE id = ? AND tenant_id = {TENANT} AND state <> 'erased'"
    f" AND (SELECT active FROM usercore_tenants WHERE id = {TENANT}) RETURNING change_no"
)
_ISSUE: Final = (
    "INSERT INTO usercore_limited_use_tokens (user_id, digest, kind, issued_at, expires_at, max_uses, uses)"
    " VALUES (?, ?, 'ucl', ?, ?, 1, 0)"
)
_ISSUED: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?, 'user', ?, 0, {TENANT}, 'login_token.issued', ?, 'host', ?)"
)
_REDEEM: Final = (
    "UPDATE usercore_limited_use_tokens SET uses = uses + 1, redeemed_at = ?1"
    " WHERE user_id = ?2 AND digest = ?3 AND revoked_at IS NULL AND uses < max_uses AND expires_at > ?1"
)
_ENTER: Final = (
    "UPDATE usercore_users SET change_no = change_no + 1, last_sign_in_at = ?1, last_sign_in_ip = NULL"
    f" WHERE id = ?2 AND tenant_id = {TENANT} AND state = 'active'"
    f" AND (SELECT active FROM usercore_tenants WHERE id = {TENANT}) RETURNING {HAS_FACTOR},"
    f" (SELECT must_change FROM usercore_credentials WHERE user_id = ?2), {COLUMNS}"
)
_TOKEN: Final = (
    "INSERT INTO usercore_access_tokens (user_id, digest, authenticator, issued_at, last_used_at, expires_at)"
    " VALUES (?1, ?2, 'login_token', ?3, ?3, ?4)"
)
_ENTERED: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?1, 'user', ?2, 0, {TENANT}, 'login_token.redeemed', ?3, 'host', ?4),"
    f" (?1, 'user', ?2, 1, {TENANT}, 'access_token.issued', ?3, 'host', ?5)"
)
_ATTEMPT: Final = (
    "INSERT INTO usercore_attempts (user_id, id, tenant_id, login_digest, status, authenticator, at, count)"
    f" VALUES (?, ?, {TENANT}, ?, ?, 'login_token', ?, 1)"
)
_NO_LOGIN: Final = b""
_USER: Final = f"SELECT {COLUMNS} FROM usercore_users WHERE id = ? AND tenant_id = {TENANT} AND state = 'active'"
_WHY: Final = "SELECT redeemed_at FROM usercore_limited_use_tokens WHERE user_id = ? AND digest = ?"


class LoggingIn(ByHand):
    """Issues and redeems, with the lock, history and attempt that usercore stores, too."""

    def issue(self, user_id: int) -> str:
        """Issue a login token."""
        return self.store.write(self._issue, user_id)

    def _issue(self, user_id: int) -> str:
        ((change_no,),) = self.execute(_GUARD, (user_id,)).fetchall()
        now, secret = self.clock(), draw("ucl_", user_id, self.randomness)
        digest, expires_at = digest_of(secret), now + _MINUTES
        self.execute(_ISSUE, (user_id, digest, micros_of(now), micros_of(expires_at)))
        shown = {"public_id": public_id("ucl", user_id, digest), "expires_at": expires_at.isoformat()}
        self.execute(_ISSUED, (user_id, change_no, micros_of(now), to_json(shown)))
        return secret

    def redeem(self, secret: str) -> Identity:
        """Sign in with a login token.

        Raises:
            SignInRefused: the token is not accepted, or its user may not sign in.
        """
        user_id, digest, now = holder_of(secret, "ucl_"), digest_of(secret), self.clock()
        try:
            return self.store.write(self._redeem, user_id, digest, now)
        except SignInRefused:
            self.store.write(self._keep_refusal, user_id, digest, micros_of(now))
            raise

    def _redeem(self, user_id: int, digest: bytes, now: datetime) -> Identity:
        at = micros_of(now)
        if not self.execute(_REDEEM, (at, user_id, digest)).rowcount:
            raise SignInRefused
        row = self.execute(_ENTER, (at, user_id)).fetchone()
        if row is None:
            raise SignInRefused
        has_factor, must_change, *columns = row
        user, (held, is_privileged) = user_of(tuple(columns)), roles_of(self.execute, user_id)
        if (user.requires_role and not held[0]) or is_privileged or has_factor:
            raise SignInRefused  # usercore stores a challenge for the second factor, and raises another error
        secret = draw("uca_", user.id, self.randomness)
        token, expires_at = digest_of(secret), now + _YEAR
        self.execute(_ATTEMPT, (user.id, self.new_id(), _NO_LOGIN, "login_token_ok", at))
        self.execute(_TOKEN, (user.id, token, at, micros_of(expires_at)))
        redeemed = {"public_id": public_id("ucl", user.id, digest), "redeemed_at": now.isoformat()}
        issued = {
            "public_id": public_id("uca", user.id, token),
            "authenticator": "login_token",
            "expires_at": expires_at.isoformat(),
        }
        self.execute(_ENTERED, (user.id, user.change_no, at, to_json(redeemed), to_json(issued)))
        return _signed_in(user, now, secret, token, held, must_change=must_change == 1)

    def _keep_refusal(self, user_id: int, digest: bytes, at: int) -> None:
        (redeemed_at,) = self.execute(_WHY, (user_id, digest)).fetchone() or (None,)
        status = "token_not_found" if redeemed_at is None else "token_count_expired"
        self.execute(_ATTEMPT, (user_id, self.new_id(), _NO_LOGIN, status, at))

    def issue_and_redeem_barely(self, user_id: int) -> Identity:
        """Issue and redeem, and store only the tokens."""
        now, secret = self.clock(), draw("ucl_", user_id, self.randomness)
        at, digest = micros_of(now), digest_of(secret)
        self.execute(_ISSUE, (user_id, digest, at, micros_of(now + _MINUTES)))
        return self.store.write(self._redeem_barely, holder_of(secret, "ucl_"), digest, now)

    def _redeem_barely(self, user_id: int, digest: bytes, now: datetime) -> Identity:
        at = micros_of(now)
        self.execute(_REDEEM, (at, user_id, digest))
        user = user_of(self.execute(_USER, (user_id,)).fetchone())
        token = draw("uca_", user_id, self.randomness)
        digest = digest_of(token)
        self.execute(_TOKEN, (user_id, digest, at, micros_of(now + _YEAR)))
        return _signed_in(user, now, token, digest, NO_ROLES)


def _signed_in(
    user: User, now: datetime, secret: str, digest: bytes, held: Held, *, must_change: bool = False
) -> SignedIn:
    return SignedIn(
        user=user,
        roles=held[0],
        permissions=held[1],
        authenticator="login_token",
        authenticated_at=now,
        must_change_password=must_change,
        access_token=Secret(secret),
        token_digest=Digest(digest),
        token_expires_at=now + _YEAR,
    )
