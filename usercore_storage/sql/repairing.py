"""Repair what a check finds between users, their claims and their words. Each user and claim in its own transaction.

Pages are read without locks, so what they show may be over by the time of the repair: everything is read again in the
transaction that changes it, with the users locked.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from usercore.kernel.errors import RunAgain
from usercore.kernel.ids import TenantId, drawn_at
from usercore.kernel.values import frozen
from usercore.users.keys import KeySpace, KeyUse
from usercore.users.model import IDENTIFIERS, Claim
from usercore.users.words import stored_words
from usercore_storage.repair_report import Repair, RepairKind
from usercore_storage.sql import checking
from usercore_storage.sql.checking import SIZE, SnapshotQuery, least_key
from usercore_storage.sql.digests import digest_of_key
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.integrity import Read, mismatches_in, needs_of_holder, orphans_in
from usercore_storage.sql.strict_rows import READERS, Unreadable
from usercore_storage.sql.table import Row, Table
from usercore_storage.sql.tables import CLAIMS, USER_WORDS, USERS
from usercore_storage.sql.users import WORDS as _WORDS

YOUNG: Final = timedelta(hours=1)
"""A claim whose holder's id is younger stays: on a cluster without a common snapshot the user may be seen later.
Source: usercore: far longer than any unit may take."""

_COLUMNS: Final = ", ".join(column.name for column in USERS.columns)
READ_USER: Final = f"SELECT {_COLUMNS} FROM usercore_users WHERE id = ?"
LOCK_USER: Final = f"UPDATE usercore_users SET change_no = change_no + 1 WHERE id = ? RETURNING {_COLUMNS}"
READ_CLAIM: Final = (
    "SELECT holder_id, space, key, uses, held_until FROM usercore_claims WHERE tenant_id = ? AND digest = ?"
)
REMOVE_CLAIM: Final = "DELETE FROM usercore_claims WHERE tenant_id = ? AND digest = ? AND holder_id = ?"
REMOVE_WORDS: Final = "DELETE FROM usercore_user_words WHERE user_id = ?"

_TENANT: Final = [column.name for column in USERS.columns].index("tenant_id")
_IDENTIFIERS: Final = [[column.name for column in USERS.columns].index(name) for name in IDENTIFIERS]


def suspects(query: SnapshotQuery, table: Table[Any]) -> Iterator[Row]:
    """Iterate over the keys of the users or claims that a check would report."""
    after: Row | None = least_key(table)
    while after is not None:
        found, after = query(_page(table, after))
        yield from found


def _page(table: Table[Any], after: Row) -> Callable[[Executor], tuple[list[Row], Row | None]]:
    reader = READERS[table.name]

    def read(run: Executor) -> tuple[list[Row], Row | None]:
        rows = run(checking.PAGES[table.name], (*after, SIZE))
        readable = list(_readable(table, rows))
        findings = [*orphans_in(run, table, readable), *mismatches_in(run, table, readable)]
        names = {finding.key for finding in findings}
        keys = [reader.key_of(row) for row in rows if reader.name_of(row) in names]
        return keys, reader.key_of(rows[-1]) if len(rows) == SIZE else None

    return read


def _readable(table: Table[Any], rows: list[Row]) -> Iterator[Read]:
    for row in rows:
        try:
            yield row, READERS[table.name].read(row)
        except Unreadable:  # reported by the check that follows the repair
            continue


@frozen
class _User:
    """A user as stored, and the needed keys by their digests; None if the identifiers cannot be read."""

    row: Row
    needs: Mapping[bytes, tuple[KeySpace, str, KeyUse]] | None

    @property
    def tenant_id(self) -> int:
        tenant: int = self.row[_TENANT]
        return tenant


def _user_in(rows: list[Row]) -> _User | None:
    if not rows:
        return None
    needs = needs_of_holder([rows[0][place] for place in _IDENTIFIERS])
    if needs is None:
        return _User(rows[0], None)
    return _User(rows[0], {digest_of_key(space, key): (space, key, uses) for (space, key), uses in needs.items()})


class Repairer:
    """Repairs one user or claim in a transaction; a dry run returns what it would do, and changes nothing."""

    def __init__(self, run: Executor, *, dry_run: bool, now: datetime) -> None:
        """Use this transaction."""
        self._run = run
        self._is_dry = dry_run
        self._now = now

    def user(self, user_id: int) -> list[Repair]:
        """Claim what a user needs and no other user does, correct the uses, and index the user's words.

        Raises:
            RunAgain: a claim got another holder meanwhile.
        """
        seen = _user_in(self._run(READ_USER, (user_id,)))
        if seen is None or seen.needs is None:
            return []
        holders = {holder for digest in seen.needs for holder, *_ in self._claim(seen.tenant_id, digest)}
        locked = {number: self._lock(number) for number in sorted({user_id} | holders)}
        user = locked[user_id]
        if user is None or user.needs is None:
            return []
        kinds = [(digest, self._claim_for(user_id, user, digest, locked)) for digest in sorted(user.needs)]
        repairs = [_repair(kind, CLAIMS, (user.tenant_id, digest)) for digest, kind in kinds if kind is not None]
        return repairs + self._index(user_id, user)

    def claim(self, tenant_id: int, digest: bytes) -> list[Repair]:
        """Remove a claim whose holder does not exist or does not need it.

        It is read before its holder: if a claim is visible, then so is the user whom its transaction stored.

        Raises:
            RunAgain: it got another holder meanwhile.
        """
        for holder_id, *_ in self._claim(tenant_id, digest):
            holder = self._lock(holder_id)
            for now_of, _, _, uses, held_until in self._claim(tenant_id, digest):
                if now_of != holder_id:
                    raise RunAgain
                if self._is_free(holder_id, holder, (tenant_id, digest), is_held=uses == 0 and held_until is not None):
                    self._write(REMOVE_CLAIM, (tenant_id, digest, holder_id))
                    return [_repair(RepairKind.FREED, CLAIMS, (tenant_id, digest))]
        return []

    def _claim(self, tenant_id: int, digest: bytes) -> list[Row]:
        return self._run(READ_CLAIM, (tenant_id, digest))

    def _lock(self, user_id: int) -> _User | None:
        return _user_in(self._run(READ_USER if self._is_dry else LOCK_USER, (user_id,)))

    def _claim_for(
        self, user_id: int, user: _User, digest: bytes, locked: Mapping[int, _User | None]
    ) -> RepairKind | None:
        space, key, uses = (user.needs or {})[digest]
        claim = Claim(tenant_id=TenantId(user.tenant_id), space=space, key=key, holder_id=user_id, uses=int(uses))
        for holder_id, *stored in self._claim(user.tenant_id, digest):
            if holder_id not in locked:
                raise RunAgain
            if holder_id == user_id and stored == [space.value, key, int(uses), None]:
                return None
            is_held = stored[2] == 0 and stored[3] is not None
            holder = locked[holder_id]
            if holder_id != user_id and not self._is_free(holder_id, holder, (user.tenant_id, digest), is_held=is_held):
                return None  # reported by the check that follows
            self._write(REMOVE_CLAIM, (user.tenant_id, digest, holder_id))
            self._write(CLAIMS.insert, CLAIMS.row(claim))
            return RepairKind.CORRECTED if holder_id == user_id else RepairKind.CLAIMED
        self._write(CLAIMS.insert, CLAIMS.row(claim))
        return RepairKind.CLAIMED

    def _is_free(self, holder_id: int, holder: _User | None, claim: tuple[int, bytes], *, is_held: bool) -> bool:
        """Return whether a claim may be removed: its holder does not need it, or does not exist and is not new."""
        if holder is None:
            at = drawn_at(holder_id)
            return at is None or abs(self._now - at) > YOUNG
        if holder.needs is None or is_held:
            return False
        tenant_id, digest = claim
        return holder.tenant_id != tenant_id or digest not in holder.needs

    def _index(self, user_id: int, user: _User) -> list[Repair]:
        entity = READERS[USERS.name].read(user.row)
        words = set(stored_words(entity))
        if {word for (word,) in self._run(_WORDS, (user_id,))} == words:
            return []
        self._write(REMOVE_WORDS, (user_id,))
        for word in sorted(words):
            self._write(USER_WORDS.insert, (user_id, word, user.tenant_id))
        return [_repair(RepairKind.INDEXED, USERS, (user_id,))]

    def _write(self, statement: str, values: Row) -> None:
        if not self._is_dry:
            self._run(statement, values)


def _repair(kind: RepairKind, table: Table[Any], key: Row) -> Repair:
    return Repair(kind=kind, table=table.name, key=name_of(table, key))


def name_of(table: Table[Any], key: Row) -> str:
    """Return a key as text, as findings have it."""
    values = (value.hex() if isinstance(value, bytes) else value for value in key)
    return " ".join(f"{name}={value}" for name, value in zip(table.key, values, strict=True))
