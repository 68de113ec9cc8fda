"""Tokens in SQL. Every statement except the clean-ups stays on its user's shard."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from usercore.kernel.changes import Subject
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.time import FIRST, LAST, from_micros, to_micros
from usercore.storage.recording import RecordingUnit
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import AccessToken, DeviceToken, LimitedUseToken, RegistrationLink, SourceAccess
from usercore.tokens.ports import (
    AccessTokenRepository,
    DeviceTokenRepository,
    LimitedUseTokenRepository,
    RegistrationLinkRepository,
    SourceAccessRepository,
    SourcePlace,
    TokenPlace,
)
from usercore.users.keys import KeySpace, email_key
from usercore_storage.sql.digests import digest_of_key
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks, remove_in_turn
from usercore_storage.sql.tables import (
    ACCESS_TOKENS,
    DEVICE_TOKENS,
    LIMITED_USE_TOKENS,
    REGISTRATION_LINKS,
    SOURCE_ACCESSES,
)
from usercore_storage.sql.user_agents import SqlUserAgents

GET_ACCESS: Final = f"SELECT {ACCESS_TOKENS.select} FROM usercore_access_tokens WHERE user_id = ? AND digest = ?"
LIST_ACCESS: Final = (
    f"SELECT {ACCESS_TOKENS.select} FROM usercore_access_tokens WHERE user_id = ? ORDER BY issued_at DESC, digest"
)
LAST_USE: Final = "SELECT last_used_at FROM usercore_access_tokens WHERE user_id = ? ORDER BY last_used_at DESC LIMIT 1"
_BEHIND: Final = "(issued_at < ? OR (issued_at = ? AND digest > ?)) ORDER BY issued_at DESC, digest LIMIT ?"
PAGE_ACCESS: Final = (
    f"SELECT {ACCESS_TOKENS.select} FROM usercore_access_tokens WHERE user_id = ? AND revoked_at IS NULL AND {_BEHIND}"
)
REVOKE_ACCESS: Final = (
    "UPDATE usercore_access_tokens SET revoked_at = ? WHERE user_id = ? AND digest = ? AND revoked_at IS NULL"
    " RETURNING digest"
)
REVOKE_ALL_ACCESS: Final = (
    "UPDATE usercore_access_tokens SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL AND digest <> ?"
    " AND issued_at >= ? RETURNING digest"
)
TOUCH_ACCESS: Final = (
    "UPDATE usercore_access_tokens SET last_used_at = ?"
    " WHERE user_id = ? AND digest = ? AND last_used_at <= ? AND revoked_at IS NULL"
)
_LATER: Final = (
    " ON CONFLICT (user_id, source) DO UPDATE SET last_accessed_at = excluded.last_accessed_at"
    " WHERE usercore_source_accesses.last_accessed_at < excluded.last_accessed_at"
)
TOUCH_SOURCE: Final = f"{SOURCE_ACCESSES.insert}{_LATER}"
TOUCH_SOURCE_OF: Final = (
    f"INSERT INTO usercore_source_accesses ({SOURCE_ACCESSES.select}) SELECT t.user_id, t.source, t.last_used_at"
    " FROM usercore_access_tokens AS t WHERE t.user_id = ? AND t.digest = ? AND t.last_used_at = ?"
    f" AND t.source IS NOT NULL AND t.revoked_at IS NULL{_LATER}"
)
"""Follows ``TOUCH_ACCESS``. A token has this instant only if that statement set it, and then its row is locked: an
erasure, which removes tokens first and waits for the lock, removes the row that this statement stores, too."""

LIST_SOURCES: Final = (
    f"SELECT {SOURCE_ACCESSES.select} FROM usercore_source_accesses WHERE user_id = ?"
    " AND (last_accessed_at < ? OR (last_accessed_at = ? AND source > ?))"
    " ORDER BY last_accessed_at DESC, source LIMIT ?"
)
PAIR: Final = (
    "UPDATE usercore_access_tokens SET device_digest = ?, paired_at = ?"
    " WHERE user_id = ? AND digest = ? AND revoked_at IS NULL RETURNING digest"
)
_UNPAIR: Final = (
    "UPDATE usercore_access_tokens SET device_digest = NULL, paired_at = NULL WHERE user_id = ? AND revoked_at IS NULL"
)
UNPAIR_DEVICE: Final = f"{_UNPAIR} AND device_digest = ? RETURNING digest"
UNPAIR_ALL: Final = f"{_UNPAIR} AND paired_at >= ? RETURNING digest"
REMOVE_ACCESS: Final = {
    end: (
        "DELETE FROM usercore_access_tokens WHERE (user_id, digest) IN (SELECT user_id, digest"
        f" FROM usercore_access_tokens WHERE {end} < ? ORDER BY {end} LIMIT ?) RETURNING user_id"
    )
    for end in ("revoked_at", "expires_at")
}

GET_LIMITED: Final = (
    f"SELECT {LIMITED_USE_TOKENS.select} FROM usercore_limited_use_tokens WHERE user_id = ? AND digest = ?"
)
REDEEM: Final = (
    "UPDATE usercore_limited_use_tokens SET uses = uses + 1, redeemed_at = ?"
    " WHERE user_id = ? AND digest = ? AND revoked_at IS NULL AND uses < max_uses"
    f" RETURNING {LIMITED_USE_TOKENS.select}"
)
LIST_LIMITED: Final = (
    f"SELECT {LIMITED_USE_TOKENS.select} FROM usercore_limited_use_tokens WHERE user_id = ? AND kind = ?"
    " ORDER BY issued_at DESC, digest"
)
PAGE_LIMITED: Final = (
    f"SELECT {LIMITED_USE_TOKENS.select} FROM usercore_limited_use_tokens"
    f" WHERE user_id = ? AND kind = ? AND revoked_at IS NULL AND {_BEHIND}"
)
REVOKE_LIMITED: Final = (
    "UPDATE usercore_limited_use_tokens SET revoked_at = ?"
    " WHERE user_id = ? AND digest = ? AND revoked_at IS NULL AND uses < max_uses"
    f" RETURNING {LIMITED_USE_TOKENS.select}"
)
REVOKE_ALL_LIMITED: Final = {
    size: (
        "UPDATE usercore_limited_use_tokens SET revoked_at = ?"
        " WHERE user_id = ? AND revoked_at IS NULL AND uses < max_uses AND issued_at >= ?"
        f" AND kind IN ({marks(size)}) RETURNING kind"
    )
    for size in SIZES
}
REMOVE_LIMITED: Final = {
    end: (
        "DELETE FROM usercore_limited_use_tokens WHERE (user_id, digest) IN (SELECT user_id, digest"
        f" FROM usercore_limited_use_tokens WHERE {condition}{end} < ? ORDER BY {end} LIMIT ?) RETURNING user_id"
    )
    for end, condition in (("revoked_at", ""), ("expires_at", ""), ("redeemed_at", "max_uses <= uses AND "))
}

GET_DEVICE: Final = f"SELECT {DEVICE_TOKENS.select} FROM usercore_device_tokens WHERE digest = ? AND tenant_id = ?"
GET_DEVICES: Final = {
    size: f"SELECT {DEVICE_TOKENS.select} FROM usercore_device_tokens WHERE tenant_id = ? AND digest IN ({marks(size)})"
    for size in SIZES
}
LOCK_DEVICE: Final = (
    "UPDATE usercore_device_tokens SET last_used_at = CASE WHEN last_used_at < ? THEN ? ELSE last_used_at END"
    f" WHERE digest = ? AND tenant_id = ? RETURNING {DEVICE_TOKENS.select}"
)
REMOVE_DEVICES: Final = (
    "DELETE FROM usercore_device_tokens WHERE digest IN (SELECT digest FROM usercore_device_tokens"
    " WHERE last_used_at < ? ORDER BY last_used_at LIMIT ?) AND last_used_at < ? RETURNING digest"
)
"""The condition stands twice because a token may be used while the statement waits for its lock."""

GET_LINK: Final = f"SELECT {REGISTRATION_LINKS.select} FROM usercore_registration_links WHERE id = ? AND tenant_id = ?"
LOCK_LINK: Final = (
    "UPDATE usercore_registration_links SET change_no = change_no + 1 WHERE id = ? AND tenant_id = ?"
    f" RETURNING {REGISTRATION_LINKS.select}"
)
REPLACE_LINK, _replaced = REGISTRATION_LINKS.updater("change_no")
REMOVE_LINKS: Final = {
    end: (
        "DELETE FROM usercore_registration_links WHERE id IN (SELECT id FROM usercore_registration_links"
        f" WHERE {end} < ? ORDER BY {end} LIMIT ?) RETURNING {REGISTRATION_LINKS.select}"
    )
    for end in ("completed_at", "expires_at")
}
REMOVE_ABANDONED: Final = (
    "DELETE FROM usercore_registration_links WHERE id IN (SELECT id FROM usercore_registration_links"
    " WHERE completed_at IS NULL AND requested_at < ? AND expires_at <= ? ORDER BY requested_at LIMIT ?)"
    f" RETURNING {REGISTRATION_LINKS.select}"
)

NO_DIGEST: Final = b""

_START: Final = to_micros(LAST), NO_DIGEST
"""The place before the newest token."""


class SqlAccessTokens(AccessTokenRepository):
    """Stores access tokens in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, user_agents: SqlUserAgents) -> None:
        """Work in this transaction."""
        self._run = run
        self._user_agents = user_agents
        self.from_all_shards = {  # tokens are stored beside their users, who may be on any shard
            "users of a device": (
                "SELECT user_id FROM usercore_access_tokens WHERE device_digest = ? AND revoked_at IS NULL"
            ),
        }

    def add(self, token: AccessToken) -> None:
        self._user_agents.store(token.user_agent, until=token.expires_at)
        self._run(ACCESS_TOKENS.insert, ACCESS_TOKENS.row(token))

    def get(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        rows = self._run(GET_ACCESS, (user_id, digest))
        return ACCESS_TOKENS.read(rows[0]) if rows else None

    def list_of(self, user_id: UserId) -> list[AccessToken]:
        return list(map(ACCESS_TOKENS.read, self._run(LIST_ACCESS, (user_id,))))

    def last_used_at(self, user_id: UserId) -> datetime | None:
        rows = self._run(LAST_USE, (user_id,))
        return from_micros(rows[0][0]) if rows else None

    def list_from(self, user_id: UserId, after: TokenPlace | None, *, limit: int) -> list[AccessToken]:
        issued, digest = after or _START
        return list(map(ACCESS_TOKENS.read, self._run(PAGE_ACCESS, (user_id, issued, issued, digest, limit))))

    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> AccessToken | None:
        revoked = self._run(REVOKE_ACCESS, (to_micros(at), user_id, digest))
        return self.get(user_id, digest) if revoked else None  # in RETURNING, SQLite would scan all user agents

    def revoke_all(
        self, user_id: UserId, *, at: datetime, keep: Digest | None = None, since: datetime | None = None
    ) -> int:
        return len(self._run(REVOKE_ALL_ACCESS, (to_micros(at), user_id, keep or NO_DIGEST, to_micros(since or FIRST))))

    def touch(self, uses: Iterable[tuple[UserId, Digest, datetime]]) -> None:
        timed = [(user_id, digest, to_micros(at)) for user_id, digest, at in uses]
        self._run.many(TOUCH_ACCESS, [(at, user_id, digest, at) for user_id, digest, at in timed])
        self._run.many(TOUCH_SOURCE_OF, timed)

    def pair(self, user_id: UserId, digest: Digest, device: Digest, *, at: datetime) -> AccessToken | None:
        paired = self._run(PAIR, (device, to_micros(at), user_id, digest))
        return self.get(user_id, digest) if paired else None

    def unpair(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        unpaired = self._run(PAIR, (None, None, user_id, digest))
        return self.get(user_id, digest) if unpaired else None

    def unpair_device(self, user_id: UserId, device: Digest) -> int:
        return len(self._run(UNPAIR_DEVICE, (user_id, device)))

    def unpair_all(self, user_id: UserId, *, since: datetime | None = None) -> int:
        return len(self._run(UNPAIR_ALL, (user_id, to_micros(since or FIRST))))

    def users_of_device(self, device: Digest) -> list[UserId]:
        rows = self._run(self.from_all_shards["users of a device"], (device,))
        return sorted({user_id for (user_id,) in rows})

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(remove_in_turn(self._run, REMOVE_ACCESS.values(), to_micros(before), limit))


class SqlSourceAccesses(SourceAccessRepository):
    """Stores from which sources users came, in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        self._run = run

    def touch(self, access: SourceAccess) -> None:
        self._run(TOUCH_SOURCE, SOURCE_ACCESSES.row(access))

    def list_from(self, user_id: UserId, after: SourcePlace | None, *, limit: int) -> list[SourceAccess]:
        at, source = after or (to_micros(LAST), "")
        return list(map(SOURCE_ACCESSES.read, self._run(LIST_SOURCES, (user_id, at, at, source, limit))))


class SqlLimitedUseTokens(LimitedUseTokenRepository):
    """Stores limited-use tokens in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        self._run = run

    def add(self, token: LimitedUseToken) -> None:
        self._run(LIMITED_USE_TOKENS.insert, LIMITED_USE_TOKENS.row(token))

    def get(self, user_id: UserId, digest: Digest) -> LimitedUseToken | None:
        return self._one(GET_LIMITED, user_id, digest)

    def redeem(self, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken | None:
        return self._one(REDEEM, to_micros(at), user_id, digest)

    def list_of(self, user_id: UserId, kind: TokenKind) -> list[LimitedUseToken]:
        return list(map(LIMITED_USE_TOKENS.read, self._run(LIST_LIMITED, (user_id, kind.value))))

    def list_from(
        self, user_id: UserId, kind: TokenKind, after: TokenPlace | None, *, limit: int
    ) -> list[LimitedUseToken]:
        issued, digest = after or _START
        rows = self._run(PAGE_LIMITED, (user_id, kind.value, issued, issued, digest, limit))
        return list(map(LIMITED_USE_TOKENS.read, rows))

    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken | None:
        return self._one(REVOKE_LIMITED, to_micros(at), user_id, digest)

    def revoke_all(
        self, user_id: UserId, kinds: Collection[TokenKind], *, at: datetime, since: datetime | None = None
    ) -> Mapping[TokenKind, int]:
        revoked: Counter[TokenKind] = Counter()
        kind_of = {kind.value: kind for kind in kinds}
        for some in in_sizes(sorted(kind_of)):
            rows = self._run(REVOKE_ALL_LIMITED[len(some)], (to_micros(at), user_id, to_micros(since or FIRST), *some))
            revoked.update(kind_of[value] for (value,) in rows)
        return revoked

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(remove_in_turn(self._run, REMOVE_LIMITED.values(), to_micros(before), limit))

    def _one(self, statement: str, *values: object) -> LimitedUseToken | None:
        rows = self._run(statement, values)
        return LIMITED_USE_TOKENS.read(rows[0]) if rows else None


class SqlDeviceTokens(DeviceTokenRepository):
    """Stores device tokens in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit
        self.from_all_shards = {  # devices of a tenant are on every shard
            "all": (
                "DELETE FROM usercore_device_tokens WHERE digest IN"
                " (SELECT digest FROM usercore_device_tokens WHERE tenant_id = ? LIMIT ?) RETURNING digest"
            )
        }

    def add(self, token: DeviceToken) -> None:
        self._run(DEVICE_TOKENS.insert, DEVICE_TOKENS.row(token))
        self._unit.number(Subject.DEVICE_TOKEN, token.id, 1)

    def get(self, digest: Digest) -> DeviceToken | None:
        return self._one(GET_DEVICE, digest, self._unit.tenant_id)

    def get_many(self, digests: Sequence[Digest]) -> list[DeviceToken]:
        rows = [
            row
            for some in in_sizes(digests)
            for row in self._run(GET_DEVICES[len(some)], (self._unit.tenant_id, *some))
        ]
        return list(map(DEVICE_TOKENS.read, rows))

    def lock(self, digest: Digest, *, at: datetime) -> DeviceToken | None:
        return self._one(LOCK_DEVICE, to_micros(at), to_micros(at), digest, self._unit.tenant_id)

    def remove_unused(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_DEVICES, (to_micros(before), limit, to_micros(before))))

    def _one(self, statement: str, *values: object) -> DeviceToken | None:
        rows = self._run(statement, values)
        return DEVICE_TOKENS.read(rows[0]) if rows else None

    def remove_all(self, *, limit: int) -> int:
        return len(self._run(self.from_all_shards["all"], (self._unit.tenant_id, limit)))


class SqlRegistrationLinks(RegistrationLinkRepository):
    """Stores registration requests in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit
        self.from_all_shards = {  # an id does not say which email a request is for
            "of email": (
                "DELETE FROM usercore_registration_links WHERE tenant_id = ? AND email_digest = ?"
                f" RETURNING {REGISTRATION_LINKS.select}"
            ),
            "all": (
                "DELETE FROM usercore_registration_links WHERE id IN"
                " (SELECT id FROM usercore_registration_links WHERE tenant_id = ? LIMIT ?)"
                f" RETURNING {REGISTRATION_LINKS.select}"
            ),
        }

    def add(self, link: RegistrationLink) -> None:
        self._run(REGISTRATION_LINKS.insert, REGISTRATION_LINKS.row(link))
        self._unit.number(Subject.REGISTRATION, link.id, link.change_no)

    def get(self, link_id: int) -> RegistrationLink | None:
        return self._one(GET_LINK, link_id)

    def lock(self, link_id: int) -> RegistrationLink | None:
        link = self._one(LOCK_LINK, link_id)
        if link is not None:
            self._unit.number(Subject.REGISTRATION, link.id, link.change_no)
        return link

    def replace(self, link: RegistrationLink) -> None:
        self._run(REPLACE_LINK, _replaced(link))

    def remove_of_email(self, email: str) -> list[RegistrationLink]:
        values = self._unit.tenant_id, digest_of_key(KeySpace.LOGIN, email_key(email))
        return list(map(REGISTRATION_LINKS.read, self._run(self.from_all_shards["of email"], values)))

    def remove_all(self, *, limit: int) -> list[RegistrationLink]:
        rows = self._run(self.from_all_shards["all"], (self._unit.tenant_id, limit))
        return list(map(REGISTRATION_LINKS.read, rows))

    def remove_expired(self, before: datetime, *, limit: int) -> list[RegistrationLink]:
        rows = remove_in_turn(self._run, REMOVE_LINKS.values(), to_micros(before), limit)
        return list(map(REGISTRATION_LINKS.read, rows))

    def remove_abandoned(self, requested_before: datetime, *, now: datetime, limit: int) -> list[RegistrationLink]:
        rows = self._run(REMOVE_ABANDONED, (to_micros(requested_before), to_micros(now), limit))
        return list(map(REGISTRATION_LINKS.read, rows))

    def _one(self, statement: str, link_id: int) -> RegistrationLink | None:
        rows = self._run(statement, (link_id, self._unit.tenant_id))
        return REGISTRATION_LINKS.read(rows[0]) if rows else None
