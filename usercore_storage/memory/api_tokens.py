"""API tokens in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from usercore.kernel.changes import Subject
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId
from usercore.kernel.secret import Digest
from usercore.storage.recording import RecordingUnit
from usercore.tokens.model import ApiToken
from usercore.tokens.ports import ApiTokenRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest, with_own


class MemoryApiTokens(ApiTokenRepository):
    """Stores API tokens by digest, and their digests by tenant and id."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._tokens = UndoDict[Digest, ApiToken](undo)
        self._digests = UndoDict[tuple[TenantId, int], Digest](undo)
        self._unit = unit

    def add(self, token: ApiToken) -> None:
        self._tokens.add(token.digest, token)
        self._digests.add((token.tenant_id, token.id), token.digest)
        self._unit.number(Subject.API_TOKEN, token.id, token.change_no)

    def get(self, digest: Digest) -> ApiToken | None:
        token = self._tokens.get(digest)
        return token if token is not None and token.tenant_id == self._unit.tenant_id else None

    def lock(self, token_id: int) -> ApiToken | None:
        digest = self._digests.get((self._unit.tenant_id, token_id))
        token = None if digest is None else self._tokens.get(digest)
        if token is None:
            return None
        locked = evolve(token, change_no=token.change_no + 1)
        self._tokens.put(token.digest, locked)
        self._unit.number(Subject.API_TOKEN, token_id, locked.change_no)
        return locked

    def replace(self, token: ApiToken) -> None:
        stored = self._tokens.get(token.digest)
        if stored is not None:
            own = with_own(token, stored, "id", "tenant_id", "last_used_at", "change_no")
            self._tokens.put(token.digest, own)

    def list_from(self, after: int | None, *, limit: int) -> list[ApiToken]:
        mine = (token for token in self._tokens.values() if token.tenant_id == self._unit.tenant_id)
        found = (token for token in mine if token.revoked_at is None and (after is None or token.id > after))
        return sorted(found, key=lambda token: token.id)[:limit]

    def revoke_created_by(self, actor: str, *, since: datetime, at: datetime) -> list[ApiToken]:
        own = self._unit.tenant_id
        created = [token for token in self._tokens.values() if token.created_by == actor and token.issued_at >= since]
        revoked = [
            evolve(token, revoked_at=at, change_no=token.change_no + 1)
            for token in created
            if token.revoked_at is None and own in (SYSTEM, token.tenant_id)
        ]
        for token in revoked:
            self._tokens.put(token.digest, token)
            self._unit.number(Subject.API_TOKEN, token.id, token.change_no)
        return revoked

    def touch(self, uses: Iterable[tuple[Digest, datetime]]) -> None:
        for digest, at in uses:
            token = self._tokens.get(digest)
            if token is not None and token.revoked_at is None:
                last = token.last_used_at
                self._tokens.put(digest, evolve(token, last_used_at=at if last is None else max(last, at)))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return self._remove(oldest(self._tokens.values(), _over_since, before=before, limit=limit))

    def remove_all(self, *, limit: int) -> int:
        mine = [token for token in self._tokens.values() if token.tenant_id == self._unit.tenant_id]
        return self._remove(mine[:limit])

    def _remove(self, removed: Sequence[ApiToken]) -> int:
        for token in removed:
            self._tokens.remove(token.digest)
            self._digests.remove((token.tenant_id, token.id))
        return len(removed)


def _over_since(token: ApiToken) -> datetime | None:
    ends = [at for at in (token.expires_at, token.revoked_at) if at is not None]
    return min(ends, default=None)
