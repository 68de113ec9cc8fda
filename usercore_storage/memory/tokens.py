"""Access tokens, login tokens and requests to register, in memory."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.storage.recording import RecordingUnit
from usercore.tokens.model import AccessToken, LoginToken, RegistrationLink
from usercore.tokens.ports import AccessTokenRepository, LoginTokenRepository, RegistrationLinkRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest, with_own
from usercore_storage.memory.undo_list import UndoList, itself

T = TypeVar("T", bound=AccessToken | LoginToken)


class _Tokens(Generic[T]):
    """Tokens by user and digest. ``mark`` names the field in which a token's end is kept."""

    def __init__(self, undo: UndoLog, mark: str, ended_of: Callable[[T], datetime | None]) -> None:
        self._tokens = UndoDict[tuple[UserId, Digest], T](undo)
        self._digests = UndoList[UserId, Digest, Digest](undo, itself)
        self._mark = mark
        self._ended_of = ended_of

    def add(self, token: T) -> None:
        self._tokens.add((token.user_id, token.digest), token)
        self._digests.add(token.user_id, token.digest)

    def get(self, user_id: UserId, digest: Digest) -> T | None:
        return self._tokens.get((user_id, digest))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        removed = oldest(
            self._tokens.values(),
            lambda token: _closed_at(self._ended_of(token), token.expires_at),
            before=before,
            limit=limit,
        )
        for token in removed:
            self._tokens.remove((token.user_id, token.digest))
            self._digests.remove(token.user_id, token.digest)
        return len(removed)

    def _end(self, user_id: UserId, digest: Digest, at: datetime) -> T | None:
        token = self.get(user_id, digest)
        if token is None or self._ended_of(token) is not None:
            return None
        return self._put(token, **{self._mark: at})

    def _end_all(self, user_id: UserId, at: datetime, keep: Digest | None = None) -> int:
        ended = [self._end(user_id, digest, at) for digest in self._digests.of(user_id) if digest != keep]
        return sum(token is not None for token in ended)

    def _put(self, token: T, **changes: datetime) -> T:
        changed = evolve(token, **changes)
        self._tokens.put((token.user_id, token.digest), changed)
        return changed


class MemoryAccessTokens(_Tokens[AccessToken], AccessTokenRepository):
    """Keeps access tokens."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "revoked_at", lambda token: token.revoked_at)

    def list_of(self, user_id: UserId) -> list[AccessToken]:
        found = (self.get(user_id, digest) for digest in self._digests.of(user_id))  # by digest; sorting keeps that
        return sorted((token for token in found if token is not None), key=lambda token: token.issued_at, reverse=True)

    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> AccessToken | None:
        return self._end(user_id, digest, at)

    def revoke_all(self, user_id: UserId, *, at: datetime, keep: Digest | None = None) -> int:
        return self._end_all(user_id, at, keep)

    def touch(self, uses: Iterable[tuple[UserId, Digest, datetime]]) -> None:
        for user_id, digest, at in uses:
            token = self.get(user_id, digest)
            if token is not None and token.revoked_at is None and token.last_used_at < at:
                self._put(token, last_used_at=at)


class MemoryLoginTokens(_Tokens[LoginToken], LoginTokenRepository):
    """Keeps login tokens."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "redeemed_at", lambda token: token.redeemed_at)

    def redeem(self, user_id: UserId, digest: Digest, *, at: datetime) -> LoginToken | None:
        return self._end(user_id, digest, at)

    def revoke_all(self, user_id: UserId, *, at: datetime) -> int:
        return self._end_all(user_id, at)


class MemoryRegistrationLinks(RegistrationLinkRepository):
    """Keeps requests to register by id; the unit says whose tenant's are there."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._links = UndoDict[int, RegistrationLink](undo)
        self._unit = unit

    def add(self, link: RegistrationLink) -> None:
        self._links.add(link.id, link)
        self._unit.number(Subject.REGISTRATION, link.id, link.change_no)

    def get(self, link_id: int) -> RegistrationLink | None:
        link = self._links.get(link_id)
        return link if link is not None and link.tenant_id == self._unit.tenant_id else None

    def lock(self, link_id: int) -> RegistrationLink | None:
        link = self.get(link_id)
        if link is None:
            return None
        guarded = evolve(link, change_no=link.change_no + 1)
        self._links.put(link_id, guarded)
        self._unit.number(Subject.REGISTRATION, link_id, guarded.change_no)
        return guarded

    def replace(self, link: RegistrationLink) -> None:
        kept = self.get(link.id)
        if kept is not None:
            self._links.put(link.id, with_own(link, kept, "tenant_id", "change_no"))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        removed = oldest(
            self._links.values(),  # of all tenants, like every clean-up
            lambda link: _closed_at(link.completed_at, link.expires_at),
            before=before,
            limit=limit,
        )
        for link in removed:
            self._links.remove(link.id)
        return len(removed)

    def remove_abandoned(self, requested_before: datetime, *, now: datetime, limit: int) -> list[RegistrationLink]:
        removed = oldest(
            (link for link in self._links.values() if link.completed_at is None and link.expires_at <= now),
            lambda link: link.requested_at,
            before=requested_before,
            limit=limit,
        )
        for link in removed:
            self._links.remove(link.id)
        return removed


def _closed_at(revoked_at: datetime | None, expires_at: datetime) -> datetime:
    return expires_at if revoked_at is None else min(revoked_at, expires_at)
