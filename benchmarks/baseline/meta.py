"""W6 by hand: store a value of a user, and list the users with a key and a value."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from benchmarks.baseline.store import TENANT, ByHand, line, micros_of, to_json
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.meta.model import KeyUser, MetaValue

_LOCK: Final = (
    f"UPDATE usercore_users SET change_no = change_no + 1 WHERE id = ? AND tenant_id = {TENANT} AND state <> 'erased'"
    " RETURNING change_no"
)
_OLD: Final = "SELECT value, public, created_at FROM usercore_meta WHERE user_id = ? AND key = ?"
_PUT: Final = (
    "INSERT INTO usercore_meta (digest, user_id, tenant_id, key, value, public, created_at, modified_at)"
    f" VALUES (?, ?, {TENANT}, ?, ?, ?, ?, ?) ON CONFLICT (user_id, key) DO UPDATE SET digest = excluded.digest,"
    " value = excluded.value, public = excluded.public, modified_at = excluded.modified_at"
)
_RECORD: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, old_text,"
    f" new_text) VALUES (?, 'user', ?, 0, {TENANT}, 'meta.set', ?, 'host', ?, ?)"
)
_USERS: Final = (
    f"SELECT user_id, value, public FROM usercore_meta WHERE tenant_id = {TENANT} AND digest = ? AND key = ?"
    " AND value = ? AND user_id > 0 ORDER BY user_id LIMIT 1001"
)
_instant: Final = datetime.fromtimestamp


class StoringMeta(ByHand):
    """Stores values with the history that usercore stores, too."""

    def upsert(self, user_id: int, key: str, value: str) -> MetaValue:
        """Store a value, and return it as it is now.

        Raises:
            UserNotFound: no user has this id.
        """
        return self.store.write(self._upsert, user_id, line(key), value)

    def _upsert(self, user_id: int, key: str, value: str) -> MetaValue:
        execute, at = self.execute, micros_of(self.clock())
        locked = execute(_LOCK, (user_id,)).fetchone()
        if locked is None:
            raise UserNotFound
        found = execute(_OLD, (user_id, key)).fetchone()
        old, public, created_at = found or (None, 0, at)
        flag = public == 1
        if old != value:
            digest = sha256(f"{key}\0{value}".encode()).digest()[:16]
            execute(_PUT, (digest, user_id, key, value, flag, created_at, at))
            old_text = None if old is None else to_json({"key": key, "value": old, "public": flag})
            execute(_RECORD, (user_id, *locked, at, old_text, to_json({"key": key, "value": value, "public": flag})))
        return MetaValue(
            user_id=UserId(user_id),
            key=key,
            value=value,
            public=flag,
            created_at=_instant(created_at / 1e6, UTC),
            modified_at=_instant(at / 1e6, UTC),
        )

    def key_users(self, key: str, value: str) -> list[KeyUser]:
        """Return the first thousand users with this key and value."""
        digest = sha256(f"{key}\0{value}".encode()).digest()[:16]
        rows: list[tuple[Any, ...]] = self.execute(_USERS, (digest, line(key), value)).fetchall()
        return [KeyUser(user_id=user_id, value=text, public=flag == 1) for user_id, text, flag in rows[:1000]]
