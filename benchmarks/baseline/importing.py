"""W4 by hand: import users who have an external id and one access id, a thousand in a transaction."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final

import attrs

from benchmarks.baseline.emails import clean_email, key_of
from benchmarks.baseline.store import TENANT, ByHand, Store, line, micros_of, to_json
from benchmarks.baseline.words import ADD as ADD_WORD
from benchmarks.baseline.words import words_of
from usercore.kernel.time import Clock

BATCH: Final = 1000
_KEYS: Final = 512

_HELD: Final = f"SELECT digest FROM usercore_claims WHERE tenant_id = {TENANT} AND digest IN ({', '.join('?' * _KEYS)})"
_USER: Final = (
    "INSERT INTO usercore_users (id, tenant_id, state, email, external_id, access_ids, first_name, last_name, source,"
    " is_institution, requires_role, registered_at, created_at, created_by, modified_at, modified_by, version,"
    " change_no)"
    f" VALUES (?1, {TENANT}, 'active', ?2, ?3, ?4, ?5, ?6, 'unknown', FALSE, FALSE, ?7, ?7, 'host', ?7, 'host', 1, 1)"
)
_CLAIM: Final = (
    f"INSERT INTO usercore_claims (digest, tenant_id, space, key, holder_id, uses) VALUES (?, {TENANT}, ?, ?, ?, ?)"
)
_RECORD: Final = (
    "INSERT INTO usercore_history (subject_id, subject, change_no, position, tenant_id, kind, at, actor, new_text)"
    f" VALUES (?, 'user', 1, ?, {TENANT}, 'user.imported', ?, 'host', ?)"
)


@attrs.define
class _Record:
    """A cleaned record, with the keys it claims by their digests."""

    email: str
    external_id: str
    access_id: str
    first_name: str
    last_name: str
    claims: dict[bytes, tuple[str, str, int]]
    id: int = 0


class Importing(ByHand):
    """Imports users that do not exist yet."""

    def import_users(self, records: Iterable[Mapping[str, str]]) -> int:
        """Store the new users, with claims and history; return their number."""
        made, left = 0, iter(records)
        while batch := list(map(_clean, islice(left, BATCH))):
            made += self.store.write(self._import, batch)
        return made

    def import_barely(self, records: Iterable[Mapping[str, str]]) -> int:
        """Store all users without checking for existing ones, and only with their claims."""
        made, left = 0, iter(records)
        while batch := list(map(_clean, islice(left, BATCH))):
            self.store.write(self._keep, batch, micros_of(self.clock()))
            made += len(batch)
        return made

    def _import(self, batch: Sequence[_Record]) -> int:
        new, now = self._new_ones(batch), self.clock()
        at, said = micros_of(now), now.isoformat()
        self._keep(new, at)
        words = ((record.id, word) for record in new for word in _words_of(record))
        self.many(ADD_WORD, sorted(words, key=itemgetter(1)))
        rows = ((record.id, place, at, to_json(_shown(record, said))) for place, record in enumerate(new))
        self.many(_RECORD, rows)
        return len(new)

    def _keep(self, new: Sequence[_Record], at: int) -> None:
        for record in new:
            record.id = self.new_id()
        self.many(_CLAIM, chain.from_iterable(map(_claim_rows, new)))
        self.many(_USER, (_user_row(record, at) for record in new))

    def _new_ones(self, batch: Sequence[_Record]) -> list[_Record]:
        """Return the records whose keys are free and not claimed by an earlier record."""
        held = self._held([digest for record in batch for digest in record.claims])
        new = []
        for record in batch:
            if held.isdisjoint(record.claims):
                held.update(record.claims)
                new.append(record)
        return new

    def _held(self, digests: Sequence[bytes]) -> set[bytes]:
        held: set[bytes] = set()
        for start in range(0, len(digests), _KEYS):
            some = list(digests[start : start + _KEYS])
            some += some[-1:] * (_KEYS - len(some))
            held.update(digest for (digest,) in self.execute(_HELD, some))
        return held


class ImportingRowByRow(Importing):
    """Imports by single INSERTs: each is sent and answered before the next."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Use this store."""
        super().__init__(store, clock)
        self.many = self._one_by_one

    def _one_by_one(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        for row in rows:
            self.execute(statement, row)


def _clean(values: Mapping[str, str]) -> _Record:
    email = clean_email(values["email"])
    external_id, access_id = line(values["external_id"]), line(values["access_id_1"])
    claims = {}
    for space, key, use in ("login", key_of(email), 1), ("external", external_id, 4), ("external", access_id, 8):
        claims[sha256(f"{space}\0{key}".encode()).digest()[:16]] = space, key, use
    return _Record(email, external_id, access_id, line(values["first_name"]), line(values["last_name"]), claims)


def _claim_rows(record: _Record) -> Iterator[tuple[Any, ...]]:
    for digest, (space, key, use) in record.claims.items():
        yield digest, space, key, record.id, use


def _user_row(record: _Record, at: int) -> tuple[Any, ...]:
    access_ids = json.dumps([record.access_id, None, None, None], ensure_ascii=False)
    return record.id, record.email, record.external_id, access_ids, record.first_name, record.last_name, at


def _words_of(record: _Record) -> Iterator[str]:
    return words_of(record.email, record.first_name, record.last_name)


def _shown(record: _Record, at: str) -> dict[str, Any]:
    return {
        "created_at": at,
        "state": "active",
        "email": record.email,
        "external_id": record.external_id,
        "access_ids": [record.access_id, None, None, None],
        "first_name": record.first_name,
        "last_name": record.last_name,
        "source": "unknown",
    }
