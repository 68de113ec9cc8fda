"""Look-ups of compliance in SQL: a page of users, and for each kind of what they have one statement by their ids."""

from collections import defaultdict
from datetime import datetime
from typing import Final, TypeVar

from usercore.kernel.ids import UserId
from usercore.kernel.time import FIRST, from_micros, to_micros
from usercore.passwords.model import Credential
from usercore.second_factors.model import StoredFactor
from usercore.storage.compliance import AccountSecurity, ComplianceLookup, OldestRows
from usercore.storage.recording import RecordingUnit
from usercore.tokens.model import AccessToken, LimitedUseToken
from usercore_storage.sql.executor import Executor, marks
from usercore_storage.sql.passwords import GET_MANY as CREDENTIALS_OF
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.tables import ACCESS_TOKENS, CREDENTIALS, LIMITED_USE_TOKENS, SECOND_FACTORS

T = TypeVar("T", Credential, StoredFactor, AccessToken, LimitedUseToken)

KEYS: Final = 1000
"""Ids of each statement; fewer are padded. A text for each size would fill the cache of statements for a rare call."""

_MARKS: Final = marks(KEYS)

FACTORS_OF: Final = (
    f"SELECT {SECOND_FACTORS.select} FROM usercore_second_factors WHERE user_id IN ({_MARKS})"
    " AND confirmed_at IS NOT NULL ORDER BY user_id, id"
)
PRIVILEGED: Final = (
    "SELECT a.user_id FROM usercore_role_assignments AS a JOIN usercore_roles AS r ON r.id = a.role_id"
    f" WHERE a.user_id IN ({_MARKS}) AND r.active AND r.privileged"
)
TOKENS_OF: Final = (
    f"SELECT {ACCESS_TOKENS.select_as('t', texts=False)} FROM usercore_access_tokens AS t"
    f" WHERE t.user_id IN ({_MARKS}) AND t.revoked_at IS NULL ORDER BY t.user_id, t.digest"
)
LIMITED_OF: Final = (
    f"SELECT {LIMITED_USE_TOKENS.select} FROM usercore_limited_use_tokens WHERE user_id IN ({_MARKS})"
    " AND revoked_at IS NULL AND uses < max_uses ORDER BY user_id, digest"
)


class SqlComplianceLookup(ComplianceLookup):
    """Answers in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Answer for this unit's tenant."""
        self._run = run
        self._unit = unit
        self.from_all_shards = {  # users are on the shards of their ids, passkeys on those of credential ids
            "users": "SELECT id, email IS NOT NULL AND email_verified_at IS NULL FROM usercore_users"
            " WHERE tenant_id = ? AND state = 'active' AND id > ? ORDER BY id LIMIT ?",
            "attempt": "SELECT at FROM usercore_attempts WHERE at >= ? ORDER BY at LIMIT 1",
            "registration_attempt": "SELECT at FROM usercore_registration_attempts WHERE at >= ? ORDER BY at LIMIT 1",
            "completed_delivery": "SELECT finished_at FROM usercore_deliveries WHERE state = 'done'"
            " AND finished_at >= ? ORDER BY finished_at LIMIT 1",
            "passkeys": f"SELECT user_id FROM usercore_passkeys WHERE user_id IN ({_MARKS})",
        }

    def list_accounts(self, after: UserId, /, *, limit: int) -> list[AccountSecurity]:
        users = self._run(self.from_all_shards["users"], (self._unit.tenant_id, after, limit))
        ids = [user_id for user_id, _ in users]
        credentials = self._by_user(CREDENTIALS, CREDENTIALS_OF[KEYS], ids)
        factors = self._by_user(SECOND_FACTORS, FACTORS_OF, ids)
        tokens = self._by_user(ACCESS_TOKENS, TOKENS_OF, ids)
        limited = self._by_user(LIMITED_USE_TOKENS, LIMITED_OF, ids)
        privileged = {user_id for (user_id,) in self._rows(PRIVILEGED, ids)}
        with_passkey = {user_id for (user_id,) in self._rows(self.from_all_shards["passkeys"], ids)}
        return [
            AccountSecurity(
                user_id=user_id,
                has_unverified_email=bool(is_unverified),
                is_privileged=user_id in privileged,
                credential=next(iter(credentials[user_id]), None),
                factors=tuple(factors[user_id]),
                has_passkey=user_id in with_passkey,
                access_tokens=tuple(tokens[user_id]),
                limited_use_tokens=tuple(limited[user_id]),
            )
            for user_id, is_unverified in users
        ]

    def oldest_rows(self) -> OldestRows:
        return OldestRows(*(self._oldest(self.from_all_shards[name]) for name in OldestRows._fields))

    def _oldest(self, statement: str) -> datetime | None:
        rows = self._run(statement, (to_micros(FIRST),))
        return from_micros(rows[0][0]) if rows else None

    def _rows(self, statement: str, ids: list[UserId]) -> list[Row]:
        chunks = (ids[start : start + KEYS] for start in range(0, len(ids), KEYS))
        return [row for some in chunks for row in self._run(statement, (*some, *some[-1:] * (KEYS - len(some))))]

    def _by_user(self, table: Table[T], statement: str, ids: list[UserId]) -> dict[UserId, list[T]]:
        found = defaultdict[UserId, list[T]](list)
        for row in map(table.read, self._rows(statement, ids)):
            found[row.user_id].append(row)
        return found
