"""Lookups for authentication, in SQL: one join with the user and the small tables of tenants and roles.

A query returns a row for each role of the user, or one row if there is none, because engines differ in how they
aggregate.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.time import to_micros
from usercore.passwords.model import Credential
from usercore.roles.model import ActiveRole
from usercore.roles.rules import in_order
from usercore.storage.lookups import (
    AccountUser,
    ApiTokenOwner,
    AuthenticationLookup,
    LoginAccount,
    Rights,
    SignInMeans,
    TokenOwner,
)
from usercore.storage.recording import RecordingUnit
from usercore.users.keys import ClaimName
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.table import Row, Table, reader
from usercore_storage.sql.tables import ACCESS_TOKENS, API_TOKENS, CREDENTIALS, ROLES, USERS
from usercore_storage.sql.users import holds_claim, of_claim

ACTIVE_ROLES: Final = Table(ROLES.name, ActiveRole, key=["name"], shard="id", tenant=None)
"""The columns of a role that decide about the rights of its holders."""

ACCOUNT_USERS: Final = Table(USERS.name, AccountUser, key=["id"], shard="id", tenant="tenant_id")
"""The columns of a user that decide about signing in. With all of them, W2a takes 4 % more instructions."""

_WIDTH: Final = len(ACTIVE_ROLES.columns)
_ROLE: Final = ACTIVE_ROLES.select_as("r")
_ROLES_OF: Final = (
    " LEFT JOIN usercore_role_assignments AS a ON a.user_id = {}"
    " LEFT JOIN usercore_roles AS r ON r.id = a.role_id AND r.active"
)

FIND: Final = (
    f"SELECT {ACCESS_TOKENS.select_as('t', texts=False)}, {USERS.select_as('u')}, n.active, c.must_change, {_ROLE}"
    " FROM usercore_access_tokens AS t JOIN usercore_users AS u ON u.id = t.user_id"
    " JOIN usercore_tenants AS n ON n.id = u.tenant_id"
    " LEFT JOIN usercore_credentials AS c ON c.user_id = t.user_id"
    f"{_ROLES_OF.format('t.user_id')}"
    " WHERE t.user_id = ? AND t.digest = ? AND u.tenant_id = ?"
)

FIND_API_TOKEN: Final = (
    f"SELECT {API_TOKENS.select_as('t')}, n.active FROM usercore_api_tokens AS t"
    " JOIN usercore_tenants AS n ON n.id = t.tenant_id WHERE t.digest = ? AND t.tenant_id = ?"
)

_ACCOUNT: Final = (
    f"SELECT {ACCOUNT_USERS.select_as('u')}, n.active, {CREDENTIALS.select_as('c')}, {_ROLE}"
    " FROM usercore_users AS u JOIN usercore_tenants AS n ON n.id = u.tenant_id"
    " LEFT JOIN usercore_credentials AS c ON c.user_id = u.id"
    f"{_ROLES_OF.format('u.id')}"
)
GET: Final = f"{_ACCOUNT} WHERE u.id = ? AND +u.tenant_id = ?"
FIND_BY_CLAIM: Final = f"{_ACCOUNT} WHERE {holds_claim('u.')}"

RIGHTS: Final = (
    "SELECT n.active,"
    " EXISTS (SELECT 1 FROM usercore_second_factors AS f WHERE f.user_id = ? AND f.confirmed_at IS NOT NULL),"
    f" {CREDENTIALS.select_as('c')}, {_ROLE} FROM usercore_tenants AS n"
    f" LEFT JOIN usercore_credentials AS c ON c.user_id = ?{_ROLES_OF.format('?')} WHERE n.id = ?"
)

NO_RIGHTS: Final = Rights(tenant_active=False, credential=None, has_second_factor=False, roles=())
"""Those of a unit whose tenant does not exist."""

_HAS_PASSKEY: Final = "u.id IN (SELECT p.user_id FROM usercore_passkeys AS p WHERE p.tenant_id = ?)"
ABLE: Final = (
    f"SELECT u.id, {_HAS_PASSKEY}, {CREDENTIALS.select_as('c')}"
    " FROM usercore_users AS u LEFT JOIN usercore_credentials AS c ON c.user_id = u.id AND c.hash <> ?"
    " AND (c.expires_at IS NULL OR c.expires_at > ?) AND (u.email IS NOT NULL OR u.username IS NOT NULL)"
    f" WHERE u.tenant_id = ? AND u.state = 'active' AND (c.user_id IS NOT NULL OR {_HAS_PASSKEY})"
    " ORDER BY u.id LIMIT ?"
)

_read = reader(ACCESS_TOKENS, USERS, rest=True)
_read_api_token = reader(API_TOKENS, rest=True)
_read_user = reader(ACCOUNT_USERS, rest=True)


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
        token, user, rest = _read(rows[0])
        return TokenOwner(token, user, bool(rest[0]), bool(rest[1]), _active_roles(rows))

    def find_api_token(self, digest: Digest) -> ApiTokenOwner | None:
        rows = self._run(FIND_API_TOKEN, (digest, self._unit.tenant_id))
        if not rows:
            return None
        token, (active,) = _read_api_token(rows[0])
        return ApiTokenOwner(token, bool(active))

    def get(self, user_id: UserId) -> LoginAccount | None:
        return self._account(GET, (user_id, self._unit.tenant_id))

    def find_by_claim(self, name: ClaimName) -> LoginAccount | None:
        return self._account(FIND_BY_CLAIM, of_claim(name, self._unit.tenant_id))

    def _account(self, statement: str, values: Row) -> LoginAccount | None:
        rows = self._run(statement, values)
        if not rows:
            return None
        user, (active, *credential) = _read_user(rows[0][:-_WIDTH])
        return LoginAccount(user, bool(active), _credential(credential), _active_roles(rows))

    def rights_of(self, user_id: UserId) -> Rights:
        rows = self._run(RIGHTS, (user_id, user_id, user_id, self._unit.tenant_id))
        if not rows:
            return NO_RIGHTS
        active, has_factor, *credential = rows[0][:-_WIDTH]
        return Rights(bool(active), _credential(credential), bool(has_factor), _active_roles(rows))

    def list_able(self, *, at: datetime, limit: int) -> list[SignInMeans]:
        tenant_id = self._unit.tenant_id
        rows = self._run(ABLE, (tenant_id, "", to_micros(at), tenant_id, tenant_id, limit))
        return [
            SignInMeans(user_id, _credential(credential), bool(has_passkey))
            for user_id, has_passkey, *credential in rows
        ]


def _credential(row: Sequence[Any]) -> Credential | None:
    """Return the credential of a joined row, whose key column is NULL only if there is none."""
    return None if row[0] is None else CREDENTIALS.read(tuple(row))


def _active_roles(rows: list[Row]) -> tuple[ActiveRole, ...]:
    """Return the roles in the last columns of these rows; their names are NULL where there is none."""
    if len(rows) == 1 and rows[0][-_WIDTH] is None:
        return ()  # the usual case
    return in_order(ACTIVE_ROLES.read(row[-_WIDTH:]) for row in rows if row[-_WIDTH] is not None)
