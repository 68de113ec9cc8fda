"""Users and claims in SQL; a user's statements stay on the user's shard, a claim's on the key's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Final
from uuid import UUID

from usercore.kernel.changes import Subject
from usercore.kernel.errors import Corrupt, RunAgain, UserNotFound
from usercore.kernel.ids import USER_KIND, TenantId, UserId, id_of
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore.users.identifiers import claims_of
from usercore.users.keys import ClaimName, KeySpace, email_key
from usercore.users.model import Claim, EmailChange, LastSignIn, User, UserState
from usercore.users.ports import ClaimRepository, EmailChangeRepository, UserRepository
from usercore.users.words import AFTER_ALL, may_differ, stored_words
from usercore_storage.sql.digests import digest_of_key
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.table import Row
from usercore_storage.sql.tables import ALL, CLAIMS, EMAIL_CHANGES, NEVER_CAME, USER_WORDS, USERS
from usercore_storage.sql.user_agents import NAMING, SqlUserAgents


def holds_claim(prefix: str = "") -> str:
    """Return the condition that a user holds a claim; ``of_claim`` returns its values."""
    return (
        f"{prefix}id = (SELECT holder_id FROM usercore_claims"
        f" WHERE tenant_id = ? AND digest = ? AND space = ? AND key = ? AND uses & ? <> 0) AND +{prefix}tenant_id = ?"
    )


# The sign keeps engines from reading all users of the tenant by an index that begins with it. At SERIALIZABLE,
# PostgreSQL would also lock what it reads there: in a young store, users with nothing in common would stop each other.
GET: Final = f"SELECT {USERS.select} FROM usercore_users WHERE id = ? AND +tenant_id = ?"
_HAS_UUID: Final = (
    "id IN (?, (SELECT holder_id FROM usercore_claims WHERE tenant_id = ? AND digest = ? AND space = ? AND key = ?))"
    " AND +tenant_id = ? AND (supplied_uuid = ? OR supplied_uuid IS NULL)"
)
_BROUGHT_FIRST: Final = "ORDER BY CASE WHEN supplied_uuid IS NULL THEN 1 ELSE 0 END LIMIT 1"
_NOT_ERASED: Final = "AND state <> 'erased'"
FIND_BY_CLAIM: Final = f"SELECT {USERS.select} FROM usercore_users WHERE {holds_claim()}"
FIND_BY_UUID: Final = f"SELECT {USERS.select} FROM usercore_users WHERE {_HAS_UUID} {_BROUGHT_FIRST}"
ID_BY_ID: Final = f"SELECT id FROM usercore_users WHERE id = ? AND +tenant_id = ? {_NOT_ERASED}"
OTHER_ACTIVE: Final = "SELECT id FROM usercore_users WHERE tenant_id = ? AND state = 'active' AND id <> ? LIMIT 1"
ID_BY_CLAIM: Final = f"SELECT id FROM usercore_users WHERE {holds_claim()} {_NOT_ERASED}"
ID_BY_UUID: Final = f"SELECT id FROM usercore_users WHERE {_HAS_UUID} {_NOT_ERASED} {_BROUGHT_FIRST}"
GET_MANY: Final = {
    size: f"SELECT {USERS.select} FROM usercore_users WHERE +tenant_id = ? AND id IN ({marks(size)})" for size in SIZES
}
_LOCK: Final = (
    "UPDATE usercore_users SET change_no = change_no + 1"
    " WHERE id = ? AND +tenant_id = ? AND state <> 'erased' RETURNING"
)
LOCK_AND_GET: Final = f"{_LOCK} {USERS.select}"
LOCK_AND_NOTE_SIGN_IN: Final = LOCK_AND_GET.replace(" SET ", " SET last_sign_in_at = ?, last_sign_in_ip = ?, ", 1)
LOCK: Final = f"{_LOCK} change_no, state"
REMOVE: Final = "DELETE FROM usercore_users WHERE id = ? AND change_no = ?"
IDS: Final = {size: f"SELECT id FROM usercore_users WHERE id IN ({marks(size)})" for size in SIZES}
REMOVE_ROWS: Final = {
    table.name: f"DELETE FROM {table.name} WHERE {table.user} = ?"
    for table in ALL
    if table.user is not None and table is not CLAIMS  # those are found by their keys: see ``remove_unconfirmed``
}
NAMED_AGENTS: Final = {
    table: f"SELECT {column} FROM {table} WHERE user_id = ? AND {column} IS NOT NULL" for table, column in NAMING
}
REMOVE_ABOUT: Final = {
    table.name: f"DELETE FROM {table.name} WHERE subject_id = ? AND subject = ?" for table in ALL if table.by_subject
}
FORMER: Final = "SELECT old_email FROM usercore_email_changes WHERE user_id = ? AND old_email IS NOT NULL"
STATES: Final = {
    size: f"SELECT id, state FROM usercore_users WHERE +tenant_id = ? AND id IN ({marks(size)})" for size in SIZES
}
WORDS: Final = "SELECT word FROM usercore_user_words WHERE user_id = ?"
REMOVE_WORD: Final = "DELETE FROM usercore_user_words WHERE user_id = ? AND word = ?"
_STATES: Final[Mapping[object, UserState]] = {state.value: state for state in UserState}

_LISTING: Final = ("state", "registered_at")
"""Indexed columns that seldom change. SQLite rewrites the entries of all indexes of what an UPDATE sets: with these
columns, W9b writes a third more to the WAL."""

_listing_of: Final = attrgetter(*_LISTING)
REPLACE, _replaced = USERS.updater("change_no")
REPLACE_IN_LISTS, _replaced_in_lists = USERS.updater("change_no", *_LISTING)

FIND_CLAIM: Final = f"SELECT {CLAIMS.select} FROM usercore_claims WHERE tenant_id = ? AND digest = ?"
FIND_CLAIMS: Final = {
    size: f"SELECT {CLAIMS.select} FROM usercore_claims WHERE tenant_id = ? AND digest IN ({marks(size)})"
    for size in SIZES
}
PUT_CLAIM: Final = (
    f"{CLAIMS.insert} ON CONFLICT (tenant_id, digest)"
    " DO UPDATE SET uses = excluded.uses, held_until = excluded.held_until"
    " WHERE usercore_claims.holder_id = excluded.holder_id AND usercore_claims.key = excluded.key"
    " RETURNING holder_id"
)
REMOVE_CLAIM: Final = "DELETE FROM usercore_claims WHERE tenant_id = ? AND digest = ? AND holder_id = ?"
RELEASE_CLAIM: Final = "DELETE FROM usercore_claims WHERE tenant_id = ? AND digest = ? AND uses = 0 AND held_until = ?"
REMOVE_HELD: Final = (
    "DELETE FROM usercore_claims WHERE (tenant_id, digest) IN (SELECT tenant_id, digest FROM usercore_claims"
    " WHERE uses = 0 AND held_until < ? ORDER BY held_until LIMIT ?) AND uses = 0 AND held_until < ? RETURNING digest"
)

REMOVE_CHANGES: Final = (
    "DELETE FROM usercore_email_changes WHERE (user_id, number) IN (SELECT user_id, number FROM usercore_email_changes"
    " WHERE open_until < ? ORDER BY open_until LIMIT ?) RETURNING user_id"
)


def of_claim(name: ClaimName, tenant_id: TenantId) -> Row:
    """Return the values for ``holds_claim``."""
    return tenant_id, digest_of_key(name.space, name.key), name.space._value_, name.key, int(name.uses), tenant_id


def _state_in(stored: object) -> UserState:
    try:
        return _STATES[stored]
    except (KeyError, TypeError):
        raise Corrupt("usercore_users.state has a value that cannot be read") from None


class SqlUsers(UserRepository):
    """Stores users in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit, user_agents: SqlUserAgents) -> None:
        """Use this transaction and see the users of this unit's tenant."""
        self._run = run
        self._user_agents = user_agents
        self._unit = unit
        self._locked: User | None = None  # as it is stored now
        self.from_all_shards = {  # users of a tenant are on every shard
            "state": f"SELECT {USERS.select} FROM usercore_users WHERE tenant_id = ? AND state = ? AND id > ?"
            " ORDER BY id LIMIT ?",
            "unconfirmed": f"SELECT {USERS.select} FROM usercore_users WHERE {NEVER_CAME}"
            " AND modified_at < ? ORDER BY modified_at LIMIT ?",
            "word": "SELECT word, user_id FROM usercore_user_words WHERE tenant_id = ? AND (word, user_id) > (?, ?)"
            " AND word < ? ORDER BY word, user_id LIMIT ?",
        }

    def add(self, user: User) -> None:
        self._run(USERS.insert, USERS.row(user))
        self._add_words(self._words_of(user))
        self._unit.number(Subject.USER, user.id, user.change_no)

    def add_many(self, users: Sequence[User]) -> None:
        self._run.many(*USERS.insert_many([USERS.row(user) for user in users]))
        # Sorted by word, so that each page of the index of words is touched once.
        self._add_words(sorted((row for user in users for row in self._words_of(user)), key=itemgetter(1)))
        for user in users:
            self._unit.number(Subject.USER, user.id, user.change_no)

    def get(self, user_id: UserId) -> User | None:
        return self._one(GET, (user_id, self._unit.tenant_id))

    def find_by_claim(self, name: ClaimName) -> User | None:
        return self._one(FIND_BY_CLAIM, of_claim(name, self._unit.tenant_id))

    def find_by_uuid(self, uuid: UUID) -> User | None:
        return self._one(FIND_BY_UUID, self._by_uuid(uuid))

    def exists(self, user_id: UserId) -> bool:
        return self._id(ID_BY_ID, (user_id, self._unit.tenant_id)) is not None

    def has_other_active(self, user_id: UserId) -> bool:
        return bool(self._run(OTHER_ACTIVE, (self._unit.tenant_id, user_id)))

    def id_by_claim(self, name: ClaimName) -> UserId | None:
        return self._id(ID_BY_CLAIM, of_claim(name, self._unit.tenant_id))

    def id_by_uuid(self, uuid: UUID) -> UserId | None:
        return self._id(ID_BY_UUID, self._by_uuid(uuid))

    def _one(self, statement: str, values: Row) -> User | None:
        rows = self._run(statement, values)
        return USERS.read(rows[0]) if rows else None

    def _id(self, statement: str, values: Row) -> UserId | None:
        rows = self._run(statement, values)
        return rows[0][0] if rows else None

    def _by_uuid(self, uuid: UUID) -> Row:
        tenant_id, key, space = self._unit.tenant_id, str(uuid), KeySpace.UUID
        derived_from = id_of(uuid, USER_KIND) or 0  # 0: no user has this id
        return derived_from, tenant_id, digest_of_key(space, key), space._value_, key, tenant_id, key

    def get_many(self, user_ids: Sequence[UserId]) -> list[User]:
        rows = [
            row for ids in in_sizes(user_ids) for row in self._run(GET_MANY[len(ids)], (self._unit.tenant_id, *ids))
        ]
        return list(map(USERS.read, rows))

    def states_of(self, user_ids: Sequence[UserId]) -> dict[UserId, UserState]:
        rows = [row for ids in in_sizes(user_ids) for row in self._run(STATES[len(ids)], (self._unit.tenant_id, *ids))]
        return {user_id: _state_in(state) for user_id, state in rows}

    def list_from(self, state: UserState, *, after: UserId | None, limit: int) -> list[User]:
        values = self._unit.tenant_id, state._value_, after or 0, limit
        return list(map(USERS.read, self._run(self.from_all_shards["state"], values)))

    def find_by_word(self, beginning: str, *, limit: int) -> list[UserId]:
        found: dict[UserId, None] = {}
        after, end = (beginning, 0), beginning + AFTER_ALL
        while len(found) < limit:  # again only if users have several words with this beginning
            rows = self._run(self.from_all_shards["word"], (self._unit.tenant_id, *after, end, limit))
            found.update((user_id, None) for _, user_id in rows)
            if len(rows) < limit:
                break
            after = rows[-1]
        return list(found)[:limit]

    def lock(self, user_id: UserId, note: LastSignIn | None = None) -> User:
        key = user_id, self._unit.tenant_id
        if note is None:
            rows = self._run(LOCK_AND_GET, key)
        else:
            rows = self._run(LOCK_AND_NOTE_SIGN_IN, (to_micros(note.at), note.ip, *key))
        if not rows:
            raise UserNotFound
        user = USERS.read(rows[0])
        self._unit.number(Subject.USER, user.id, user.change_no)
        self._locked = user
        return user

    def lock_state(self, user_id: UserId) -> UserState:
        rows = self._run(LOCK, (user_id, self._unit.tenant_id))
        if not rows:
            raise UserNotFound
        ((change_no, state),) = rows
        self._unit.number(Subject.USER, user_id, change_no)
        self._locked = None
        return _state_in(state)

    def list_unconfirmed(self, before: datetime, *, limit: int) -> list[User]:
        return list(map(USERS.read, self._run(self.from_all_shards["unconfirmed"], (to_micros(before), limit))))

    def remove_unconfirmed(self, users: Sequence[User]) -> list[User]:
        self._run.many(REMOVE, [(user.id, user.change_no) for user in users])
        left = {
            user_id for some in in_sizes([user.id for user in users]) for (user_id,) in self._run(IDS[len(some)], some)
        }
        gone = [user for user in users if user.id not in left]
        claims = [claim for user in gone for claim in self._claims_of(user)]
        self._run.many(REMOVE_CLAIM, claims)
        ids = [user.id for user in gone]
        for statement in REMOVE_ROWS.values():
            self._run.many(statement, [(user_id,) for user_id in ids])
        for statement in REMOVE_ABOUT.values():
            self._run.many(statement, [(user_id, Subject.USER._value_) for user_id in ids])
        return gone

    def remove_rows(self, user: User) -> None:
        named = [digest for statement in NAMED_AGENTS.values() for (digest,) in self._run(statement, (user.id,))]
        self._run.many(REMOVE_CLAIM, list(self._claims_of(user)))
        for statement in REMOVE_ROWS.values():
            self._run(statement, (user.id,))
        self._user_agents.remove_unused_of(named)

    def _claims_of(self, user: User) -> Iterator[Row]:
        """Return what deletes each claim of a user, also on the keys of former emails, which may be held."""
        former = ((KeySpace.LOGIN, email_key(email)) for (email,) in self._run(FORMER, (user.id,)))
        for space, key in {*claims_of(user), *former}:
            yield user.tenant_id, digest_of_key(space, key), user.id

    def replace(self, user: User) -> None:
        old = None if self._locked is None or self._locked.id != user.id else self._locked
        if old is not None and _listing_of(old) == _listing_of(user):
            self._run(REPLACE_IN_LISTS, _replaced_in_lists(user))
        else:
            self._run(REPLACE, _replaced(user))
        if old is None or may_differ(old, user):
            self._replace_words(user)
        self._locked = user

    def _replace_words(self, user: User) -> None:
        had = {word for (word,) in self._run(WORDS, (user.id,))}
        rows = self._words_of(user)
        unused = had.difference(word for _, word, _ in rows)
        if unused:
            self._run.many(REMOVE_WORD, [(user.id, word) for word in sorted(unused)])
        self._add_words([row for row in rows if row[1] not in had])

    def _words_of(self, user: User) -> list[Row]:
        tenant_id = self._unit.tenant_id
        return [(user.id, word, tenant_id) for word in stored_words(user)]

    def _add_words(self, rows: Sequence[Row]) -> None:
        if rows:
            self._run.many(USER_WORDS.insert, rows)


class SqlClaims(ClaimRepository):
    """Stores claims in the transaction of ``run``."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Use this transaction and see the claims of this unit's tenant."""
        self._run = run
        self._unit = unit
        self._is_optimistic = False
        self._assumed_free: set[tuple[KeySpace, str]] = set()

    def begin_unit(self, *, optimistic: bool) -> None:
        """Assume, in the unit that begins, that keys which are to be added are free; or read whether they are."""
        self._is_optimistic = optimistic
        self._assumed_free.clear()

    @property
    def has_assumed(self) -> bool:
        """Whether a key was assumed to be free and has not been added, which would have failed otherwise."""
        return bool(self._assumed_free)

    def find(self, space: KeySpace, key: str) -> Claim | None:
        rows = self._run(FIND_CLAIM, (self._unit.tenant_id, digest_of_key(space, key)))
        return _exact(CLAIMS.read(rows[0]), space, key) if rows else None

    def find_many(self, names: Sequence[tuple[KeySpace, str]]) -> list[Claim]:
        digests = [digest_of_key(*name) for name in names]
        rows = [
            row
            for some in in_sizes(digests)
            for row in self._run(FIND_CLAIMS[len(some)], (self._unit.tenant_id, *some))
        ]
        requested = set(names) if rows else ()  # an import asks for many names, and most are free
        return [claim for claim in map(CLAIMS.read, rows) if (claim.space, claim.key) in requested]

    def find_before_adding(self, names: Sequence[tuple[KeySpace, str]]) -> list[Claim]:
        if not self._is_optimistic:
            return self.find_many(names)
        self._assumed_free.update(names)
        return []

    def put(self, claim: Claim) -> None:
        if not self._run(PUT_CLAIM, CLAIMS.row(claim)):
            raise RunAgain

    def add_many(self, claims: Iterable[Claim]) -> None:
        added = list(claims)
        self._assumed_free.difference_update((claim.space, claim.key) for claim in added)
        rows = sorted(map(CLAIMS.row, added))
        self._run.many(CLAIMS.insert, rows)  # sorted by digest, so that each page of the index is touched once

    def remove(self, claims: Iterable[Claim]) -> None:
        rows = [(claim.tenant_id, digest_of_key(claim.space, claim.key), claim.holder_id) for claim in claims]
        self._run.many(REMOVE_CLAIM, rows)

    def release(self, claims: Iterable[Claim]) -> None:
        held = [(digest_of_key(one.space, one.key), one.held_until) for one in claims if one.held_until is not None]
        self._run.many(RELEASE_CLAIM, [(self._unit.tenant_id, digest, to_micros(until)) for digest, until in held])

    def remove_held(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_HELD, (to_micros(before), limit, to_micros(before))))


class SqlEmailChanges(SqlRows[EmailChange], EmailChangeRepository):
    """Stores changes of emails in the transaction of ``run``."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, EMAIL_CHANGES)

    def remove_closed(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_CHANGES, (to_micros(before), limit)))


def _exact(claim: Claim, space: KeySpace, key: str) -> Claim | None:
    return claim if claim.key == key and claim.space == space else None
