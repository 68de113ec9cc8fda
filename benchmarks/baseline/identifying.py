"""W1 by hand: find the owner of an access token, and check that it is accepted."""

from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.baseline.roles import NO_ROLES, roles_in
from benchmarks.baseline.secrets import digest_of, holder_of
from benchmarks.baseline.store import TENANT, ByHand, Store, micros_of
from benchmarks.baseline.users import COLUMNS, user_of
from usercore.kernel.secret import Digest
from usercore.kernel.time import Clock
from usercore.sign_in.model import Identity
from usercore.tokens.errors import TokenUnknown

_IDLE: Final = timedelta(days=90) // timedelta(microseconds=1)
_ARGUMENTS: Final = 10
_NAME: Final = 8

_IDENTIFY: Final = (
    "SELECT t.authenticator, t.source, t.issued_at, t.last_used_at, t.expires_at, t.revoked_at,"
    " n.active, c.must_change, r.name, r.permissions,"
    f" u.{COLUMNS.replace(', ', ', u.')}"
    " FROM usercore_access_tokens AS t JOIN usercore_users AS u ON u.id = t.user_id"
    " JOIN usercore_tenants AS n ON n.id = u.tenant_id"
    " LEFT JOIN usercore_credentials AS c ON c.user_id = t.user_id"
    " LEFT JOIN usercore_role_assignments AS a ON a.user_id = t.user_id"
    " LEFT JOIN usercore_roles AS r ON r.id = a.role_id AND r.active"
    f" WHERE t.user_id = ? AND t.digest = ? AND u.tenant_id = {TENANT}"
)
_NOTE: Final = (
    "UPDATE usercore_access_tokens SET last_used_at = ?1"
    " WHERE user_id = ?2 AND digest = ?3 AND last_used_at < ?1 AND revoked_at IS NULL"
)


class Identifying(ByHand):
    """Identifies, and collects the last uses of tokens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Use this store."""
        super().__init__(store, clock)
        self.uses: dict[tuple[int, bytes], datetime] = {}

    def identify(self, secret: str) -> Identity:
        """Return the identity of the token's owner.

        Raises:
            TokenUnknown: the token is unknown or not accepted.
        """
        user_id, digest = holder_of(secret, "uca_"), digest_of(secret)
        rows = self.execute(_IDENTIFY, (user_id, digest)).fetchall()
        if not rows:
            raise TokenUnknown
        row = rows[0]
        has_roles = len(rows) > 1 or row[_NAME] is not None
        roles, permissions = roles_in([one[_NAME:_ARGUMENTS] for one in rows]) if has_roles else NO_ROLES
        authenticator, source, issued_at, last_used_at, expires_at, revoked_at, active, must_change = row[:_NAME]
        now = self.clock()
        at = micros_of(now)
        if revoked_at is not None or at >= expires_at or at >= last_used_at + _IDLE or not active:
            raise TokenUnknown
        user = user_of(row[_ARGUMENTS:])
        if user.state != "active" or (user.requires_role and not roles):
            raise TokenUnknown
        self.uses[user_id, digest] = now
        return Identity(
            user=user,
            roles=roles,
            permissions=permissions,
            authenticator=authenticator,
            source=source,
            authenticated_at=datetime.fromtimestamp(issued_at / 1e6, UTC),
            must_change_password=must_change == 1,
            token_digest=Digest(digest),
            token_expires_at=datetime.fromtimestamp(expires_at / 1e6, UTC),
        )

    def close(self) -> None:
        """Write the collected uses, and close."""
        rows = [(micros_of(at), *key) for key, at in self.uses.items()]
        self.store.write(self.many, _NOTE, rows)
        super().close()
