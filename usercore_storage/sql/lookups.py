"""Lookups for authentication, in SQL: one join with the user and the small table of tenants."""

from typing import Final

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.storage.lookups import AuthenticationLookup, LoginAccount, TokenOwner
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import reader
from usercore_storage.sql.tables import ACCESS_TOKENS, CREDENTIALS, USERS

FIND: Final = (
    f"SELECT {ACCESS_TOKENS.select_as('t', texts=False)}, {USERS.select_as('u')}, n.active, c.must_change"
    " FROM usercore_access_tokens AS t JOIN usercore_users AS u ON u.id = t.user_id"
    " JOIN usercore_tenants AS n ON n.id = u.tenant_id"
    " LEFT JOIN usercore_credentials AS c ON c.user_id = t.user_id"
    " WHERE t.user_id = ? AND t.digest = ? AND u.tenant_id = ?"
)

GET: Final = (
    f"SELECT {USERS.select_as('u')}, n.active, {CREDENTIALS.select_as('c')}"
    " FROM usercore_users AS u JOIN usercore_tenants AS n ON n.id = u.tenant_id"
    " LEFT JOIN usercore_credentials AS c ON c.user_id = u.id"
    " WHERE u.id = ? AND u.tenant_id = ?"
)

_read = reader(ACCESS_TOKENS, USERS, rest=True)
_read_user = reader(USERS, rest=True)


class SqlAuthenticationLookup(AuthenticationLookup):
    """Answers lookups in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Answer for this unit's tenant."""
        self._run = run
        self._unit = unit

    def find(self, user_id: UserId, digest: Digest) -> TokenOwner | None:
        rows = self._run(FIND, (user_id, digest, self._unit.tenant_id))
        if not rows:
            return None
        token, user, (active, must_change) = _read(rows[0])
        return TokenOwner(token, user, bool(active), bool(must_change))

    def get(self, user_id: UserId) -> LoginAccount | None:
        rows = self._run(GET, (user_id, self._unit.tenant_id))
        if not rows:
            return None
        user, (active, *credential) = _read_user(rows[0])
        has_credential = credential[0] is not None  # the key column, so it is NULL only if there is no row
        return LoginAccount(user, bool(active), CREDENTIALS.read(credential) if has_credential else None)
