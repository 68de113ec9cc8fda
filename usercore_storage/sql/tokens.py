"""Tokens in SQL; each statement but the clean-ups stays on its user's shard."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from usercore.kernel.changes import Subject
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.time import to_micros
from usercore.storage.recording import RecordingUnit
from usercore.tokens.model import AccessToken, LoginToken, RegistrationLink
from usercore.tokens.ports import AccessTokenRepository, LoginTokenRepository, RegistrationLinkRepository
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import ACCESS_TOKENS, LOGIN_TOKENS, REGISTRATION_LINKS
from usercore_storage.sql.user_agents import SqlUserAgents

GET_ACCESS: Final = f"SELECT {ACCESS_TOKENS.select} FROM usercore_access_tokens WHERE user_id = ? AND digest = ?"
LIST_ACCESS: Final = (
    f"SELECT {ACCESS_TOKENS.select} FROM usercore_access_tokens WHERE user_id = ? ORDER BY issued_at DESC, digest"
)
END_ACCESS: Final = (
    "UPDATE usercore_access_tokens SET revoked_at = ? WHERE user_id = ? AND digest = ? AND revoked_at IS NULL"
    " RETURNING digest"
)
END_ALL_ACCESS: Final = (
    "UPDATE usercore_access_tokens SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL AND digest <> ?"
    " RETURNING digest"
)
NOTE_USE: Final = (
    "UPDATE usercore_access_tokens SET last_used_at = ?"
    " WHERE user_id = ? AND digest = ? AND last_used_at < ? AND revoked_at IS NULL"
)
REMOVE_ACCESS: Final = (
    "DELETE FROM usercore_access_tokens WHERE (user_id, digest) IN (SELECT user_id, digest"
    " FROM usercore_access_tokens WHERE revoked_at < ? OR expires_at < ? LIMIT ?) RETURNING user_id"
)

GET_LOGIN: Final = f"SELECT {LOGIN_TOKENS.select} FROM usercore_login_tokens WHERE user_id = ? AND digest = ?"
SPEND: Final = (
    "UPDATE usercore_login_tokens SET redeemed_at = ? WHERE user_id = ? AND digest = ? AND redeemed_at IS NULL"
    f" RETURNING {LOGIN_TOKENS.select}"
)
SPEND_ALL: Final = (
    "UPDATE usercore_login_tokens SET redeemed_at = ? WHERE user_id = ? AND redeemed_at IS NULL RETURNING digest"
)
REMOVE_LOGIN: Final = (
    "DELETE FROM usercore_login_tokens WHERE (user_id, digest) IN (SELECT user_id, digest"
    " FROM usercore_login_tokens WHERE redeemed_at < ? OR expires_at < ? LIMIT ?) RETURNING user_id"
)

GET_LINK: Final = f"SELECT {REGISTRATION_LINKS.select} FROM usercore_registration_links WHERE id = ? AND tenant_id = ?"
GUARD_LINK: Final = (
    "UPDATE usercore_registration_links SET change_no = change_no + 1 WHERE id = ? AND tenant_id = ?"
    f" RETURNING {REGISTRATION_LINKS.select}"
)
REPLACE_LINK, _replaced = REGISTRATION_LINKS.updater("tenant_id", "change_no")
REMOVE_LINKS: Final = (
    "DELETE FROM usercore_registration_links WHERE id IN (SELECT id FROM usercore_registration_links"
    " WHERE completed_at < ? OR expires_at < ? LIMIT ?) RETURNING id"
)
REMOVE_ABANDONED: Final = (
    "DELETE FROM usercore_registration_links WHERE id IN (SELECT id FROM usercore_registration_links"
    " WHERE completed_at IS NULL AND requested_at < ? AND expires_at <= ? ORDER BY requested_at LIMIT ?)"
    f" RETURNING {REGISTRATION_LINKS.select}"
)

NO_DIGEST: Final = b""


class SqlAccessTokens(AccessTokenRepository):
    """Keeps access tokens in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, user_agents: SqlUserAgents) -> None:
        """Work in this transaction."""
        self._run = run
        self._user_agents = user_agents

    def add(self, token: AccessToken) -> None:
        self._user_agents.store(token.user_agent, until=token.expires_at)
        self._run(ACCESS_TOKENS.insert, ACCESS_TOKENS.row(token))

    def get(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        rows = self._run(GET_ACCESS, (user_id, digest))
        return ACCESS_TOKENS.read(rows[0]) if rows else None

    def list_of(self, user_id: UserId) -> list[AccessToken]:
        return list(map(ACCESS_TOKENS.read, self._run(LIST_ACCESS, (user_id,))))

    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> AccessToken | None:
        revoked = self._run(END_ACCESS, (to_micros(at), user_id, digest))
        return self.get(user_id, digest) if revoked else None  # in RETURNING, SQLite would scan all user agents

    def revoke_all(self, user_id: UserId, *, at: datetime, keep: Digest | None = None) -> int:
        return len(self._run(END_ALL_ACCESS, (to_micros(at), user_id, keep or NO_DIGEST)))

    def touch(self, uses: Iterable[tuple[UserId, Digest, datetime]]) -> None:
        timed = ((user_id, digest, to_micros(at)) for user_id, digest, at in uses)
        self._run.many(NOTE_USE, [(at, user_id, digest, at) for user_id, digest, at in timed])

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_ACCESS, (to_micros(before), to_micros(before), limit)))


class SqlLoginTokens(LoginTokenRepository):
    """Keeps login tokens in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Work in this transaction."""
        self._run = run

    def add(self, token: LoginToken) -> None:
        self._run(LOGIN_TOKENS.insert, LOGIN_TOKENS.row(token))

    def get(self, user_id: UserId, digest: Digest) -> LoginToken | None:
        rows = self._run(GET_LOGIN, (user_id, digest))
        return LOGIN_TOKENS.read(rows[0]) if rows else None

    def redeem(self, user_id: UserId, digest: Digest, *, at: datetime) -> LoginToken | None:
        rows = self._run(SPEND, (to_micros(at), user_id, digest))
        return LOGIN_TOKENS.read(rows[0]) if rows else None

    def revoke_all(self, user_id: UserId, *, at: datetime) -> int:
        return len(self._run(SPEND_ALL, (to_micros(at), user_id)))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_LOGIN, (to_micros(before), to_micros(before), limit)))


class SqlRegistrationLinks(RegistrationLinkRepository):
    """Keeps requests to register in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit

    def add(self, link: RegistrationLink) -> None:
        self._run(REGISTRATION_LINKS.insert, REGISTRATION_LINKS.row(link))
        self._unit.number(Subject.REGISTRATION, link.id, link.change_no)

    def get(self, link_id: int) -> RegistrationLink | None:
        return self._one(GET_LINK, link_id)

    def lock(self, link_id: int) -> RegistrationLink | None:
        link = self._one(GUARD_LINK, link_id)
        if link is not None:
            self._unit.number(Subject.REGISTRATION, link.id, link.change_no)
        return link

    def replace(self, link: RegistrationLink) -> None:
        self._run(REPLACE_LINK, _replaced(link))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_LINKS, (to_micros(before), to_micros(before), limit)))

    def remove_abandoned(self, requested_before: datetime, *, now: datetime, limit: int) -> list[RegistrationLink]:
        rows = self._run(REMOVE_ABANDONED, (to_micros(requested_before), to_micros(now), limit))
        return list(map(REGISTRATION_LINKS.read, rows))

    def _one(self, statement: str, link_id: int) -> RegistrationLink | None:
        rows = self._run(statement, (link_id, self._unit.tenant_id))
        return REGISTRATION_LINKS.read(rows[0]) if rows else None
