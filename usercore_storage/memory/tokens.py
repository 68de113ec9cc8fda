"""Access tokens, limited-use tokens and registration requests, in memory."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Generic, TypeVar

from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.time import to_micros
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
from usercore.users.keys import is_same_address
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest, with_own
from usercore_storage.memory.undo_list import UndoList, itself

P = TypeVar("P", Digest, str)
T = TypeVar("T", bound=AccessToken | LimitedUseToken)


class _Tokens(Generic[T]):
    """Tokens by user and digest."""

    def __init__(self, undo: UndoLog) -> None:
        self._tokens = UndoDict[tuple[UserId, Digest], T](undo)
        self._digests = UndoList[UserId, Digest, Digest](undo, itself)

    def add(self, token: T) -> None:
        self._tokens.add((token.user_id, token.digest), token)
        self._digests.add(token.user_id, token.digest)

    def get(self, user_id: UserId, digest: Digest) -> T | None:
        return self._tokens.get((user_id, digest))

    def all_of(self, user_id: UserId) -> list[T]:
        """Return the user's tokens by digest."""
        found = (self.get(user_id, digest) for digest in self._digests.of(user_id))
        return [token for token in found if token is not None]

    def _newest_first(self, user_id: UserId) -> list[T]:
        return sorted(self.all_of(user_id), key=lambda token: token.issued_at, reverse=True)  # stable: then by digest

    def _behind(self, after: TokenPlace | None, tokens: Iterable[T], limit: int) -> list[T]:
        """Return at most ``limit`` of the tokens, newest first, that were not revoked, from behind the place."""
        present = [token for token in tokens if token.revoked_at is None]
        start = 0 if after is None else bisect_right(present, _falling(after), key=lambda one: _falling(_place_of(one)))
        return present[start : start + limit]

    def _evolve(self, token: T, **changes: object) -> T:
        changed = evolve(token, **changes)
        self._tokens.put((token.user_id, token.digest), changed)
        return changed

    def _remove(self, over_since: Callable[[T], datetime], before: datetime, limit: int) -> int:
        removed = oldest(self._tokens.values(), over_since, before=before, limit=limit)
        for token in removed:
            self._drop(token)
        return len(removed)

    def rows_of(self, user_id: UserId) -> list[T]:
        """Return the user's tokens."""
        return self.all_of(user_id)

    def remove_user(self, user: User) -> None:
        """Remove the user's tokens."""
        for token in self.all_of(user.id):
            self._drop(token)

    def _drop(self, token: T) -> None:
        self._tokens.remove((token.user_id, token.digest))
        self._digests.remove(token.user_id, token.digest)


def _place_of(token: AccessToken | LimitedUseToken) -> TokenPlace:
    return to_micros(token.issued_at), token.digest


def _falling(place: tuple[int, P]) -> tuple[int, P]:
    """Return what sorts places with the later instants first."""
    return -place[0], place[1]


class MemorySourceAccesses(SourceAccessRepository):
    """Stores from which sources users came."""

    def __init__(self, undo: UndoLog) -> None:
        self._accesses = UndoList[UserId, str, SourceAccess](undo, lambda access: access.source)

    def touch(self, access: SourceAccess) -> None:
        known = self._accesses.find(access.user_id, access.source)
        if known is None or known.last_accessed_at < access.last_accessed_at:
            self._accesses.remove(access.user_id, access)
            self._accesses.add(access.user_id, access)

    def list_from(self, user_id: UserId, after: SourcePlace | None, *, limit: int) -> list[SourceAccess]:
        placed = [(_falling((to_micros(one.last_accessed_at), one.source)), one) for one in self._accesses.of(user_id)]
        placed.sort(key=itemgetter(0))
        return [one for place, one in placed if after is None or place > _falling(after)][:limit]

    def rows_of(self, user_id: UserId) -> list[SourceAccess]:
        """Return the user's sources."""
        return list(self._accesses.of(user_id))

    def remove_user(self, user: User) -> None:
        """Remove the user's sources."""
        for access in self.rows_of(user.id):
            self._accesses.remove(user.id, access)


class MemoryAccessTokens(_Tokens[AccessToken], AccessTokenRepository):
    """Stores access tokens; those that are paired with a device can be found by it."""

    def __init__(self, undo: UndoLog, source_accesses: MemorySourceAccesses) -> None:
        super().__init__(undo)
        self._source_accesses = source_accesses
        self._paired = UndoList[Digest, tuple[UserId, Digest], tuple[UserId, Digest]](undo, itself)

    def add(self, token: AccessToken) -> None:
        super().add(token)
        self._index(token)

    def _evolve(self, token: AccessToken, **changes: object) -> AccessToken:
        self._unindex(token)
        changed = super()._evolve(token, **changes)
        self._index(changed)
        return changed

    def _drop(self, token: AccessToken) -> None:
        self._unindex(token)
        super()._drop(token)

    def _index(self, token: AccessToken) -> None:
        if token.device_digest is not None and token.revoked_at is None:
            self._paired.add(token.device_digest, (token.user_id, token.digest))

    def _unindex(self, token: AccessToken) -> None:
        if token.device_digest is not None:
            self._paired.remove(token.device_digest, (token.user_id, token.digest))

    def list_of(self, user_id: UserId) -> list[AccessToken]:
        return self._newest_first(user_id)

    def last_used_at(self, user_id: UserId) -> datetime | None:
        return max((token.last_used_at for token in self.all_of(user_id)), default=None)

    def list_from(self, user_id: UserId, after: TokenPlace | None, *, limit: int) -> list[AccessToken]:
        return self._behind(after, self._newest_first(user_id), limit)

    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> AccessToken | None:
        token = self.get(user_id, digest)
        return None if token is None or token.revoked_at is not None else self._evolve(token, revoked_at=at)

    def revoke_all(
        self, user_id: UserId, *, at: datetime, keep: Digest | None = None, since: datetime | None = None
    ) -> int:
        issued = (token for token in self.all_of(user_id) if since is None or since <= token.issued_at)
        revoked = [self.revoke(user_id, token.digest, at=at) for token in issued if token.digest != keep]
        return sum(token is not None for token in revoked)

    def touch(self, uses: Iterable[tuple[UserId, Digest, datetime]]) -> None:
        for user_id, digest, at in uses:
            token = self.get(user_id, digest)
            if token is not None and token.revoked_at is None and token.last_used_at <= at:
                self._evolve(token, last_used_at=at)
                if token.source is not None:
                    access = SourceAccess(user_id=user_id, source=token.source, last_accessed_at=at)
                    self._source_accesses.touch(access)

    def pair(self, user_id: UserId, digest: Digest, device: Digest, *, at: datetime) -> AccessToken | None:
        token = self.get(user_id, digest)
        if token is None or token.revoked_at is not None:
            return None
        return self._evolve(token, device_digest=device, paired_at=at)

    def unpair(self, user_id: UserId, digest: Digest) -> AccessToken | None:
        token = self.get(user_id, digest)
        return None if token is None or token.revoked_at is not None else self._without_device(token)

    def unpair_device(self, user_id: UserId, device: Digest) -> int:
        return self._unpair(token for token in self.all_of(user_id) if token.device_digest == device)

    def unpair_all(self, user_id: UserId, *, since: datetime | None = None) -> int:
        paired = [(token, token.paired_at) for token in self.all_of(user_id) if token.paired_at is not None]
        return self._unpair(token for token, at in paired if since is None or at >= since)

    def _unpair(self, tokens: Iterable[AccessToken]) -> int:
        """Unpair those that are not revoked, and return their number."""
        return len([self._without_device(token) for token in tokens if token.revoked_at is None])

    def _without_device(self, token: AccessToken) -> AccessToken:
        return self._evolve(token, device_digest=None, paired_at=None)

    def users_of_device(self, device: Digest) -> list[UserId]:
        return list(dict.fromkeys(user_id for user_id, _ in self._paired.of(device)))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return self._remove(lambda token: _earliest(token.expires_at, token.revoked_at), before, limit)


class MemoryLimitedUseTokens(_Tokens[LimitedUseToken], LimitedUseTokenRepository):
    """Stores limited-use tokens."""

    def redeem(self, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken | None:
        token = self.get(user_id, digest)
        if token is None or not _has_uses(token):
            return None
        return self._evolve(token, uses=token.uses + 1, redeemed_at=at)

    def list_of(self, user_id: UserId, kind: TokenKind) -> list[LimitedUseToken]:
        return [token for token in self._newest_first(user_id) if token.kind is kind]

    def list_from(
        self, user_id: UserId, kind: TokenKind, after: TokenPlace | None, *, limit: int
    ) -> list[LimitedUseToken]:
        return self._behind(after, self.list_of(user_id, kind), limit)

    def revoke(self, user_id: UserId, digest: Digest, *, at: datetime) -> LimitedUseToken | None:
        token = self.get(user_id, digest)
        return None if token is None or not _has_uses(token) else self._evolve(token, revoked_at=at)

    def revoke_all(
        self, user_id: UserId, kinds: Collection[TokenKind], *, at: datetime, since: datetime | None = None
    ) -> Mapping[TokenKind, int]:
        issued = (token for token in self.all_of(user_id) if since is None or since <= token.issued_at)
        revoked = [token for token in issued if token.kind in kinds and _has_uses(token)]
        for token in revoked:
            self._evolve(token, revoked_at=at)
        return Counter(token.kind for token in revoked)

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return self._remove(_over_since, before, limit)


def _has_uses(token: LimitedUseToken) -> bool:
    return token.revoked_at is None and token.uses < token.max_uses


def _over_since(token: LimitedUseToken) -> datetime:
    last_use = token.redeemed_at if token.uses >= token.max_uses else None
    return _earliest(token.expires_at, token.revoked_at, last_use)


class MemoryDeviceTokens(DeviceTokenRepository):
    """Stores device tokens by digest; a unit sees those of its tenant."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._tokens = UndoDict[Digest, DeviceToken](undo)
        self._unit = unit

    def add(self, token: DeviceToken) -> None:
        self._tokens.add(token.digest, token)
        self._unit.number(Subject.DEVICE_TOKEN, token.id, 1)

    def get(self, digest: Digest) -> DeviceToken | None:
        token = self._tokens.get(digest)
        return token if token is not None and token.tenant_id == self._unit.tenant_id else None

    def get_many(self, digests: Sequence[Digest]) -> list[DeviceToken]:
        found = map(self.get, dict.fromkeys(digests))
        return [token for token in found if token is not None]

    def lock(self, digest: Digest, *, at: datetime) -> DeviceToken | None:
        token = self.get(digest)
        if token is None or token.last_used_at >= at:
            return token
        used = evolve(token, last_used_at=at)
        self._tokens.put(digest, used)
        return used

    def remove_unused(self, before: datetime, *, limit: int) -> int:
        return self._remove(oldest(self._tokens.values(), lambda token: token.last_used_at, before=before, limit=limit))

    def remove_all(self, *, limit: int) -> int:
        mine = [token for token in self._tokens.values() if token.tenant_id == self._unit.tenant_id]
        return self._remove(mine[:limit])

    def _remove(self, removed: Sequence[DeviceToken]) -> int:
        for token in removed:
            self._tokens.remove(token.digest)
        return len(removed)


class MemoryRegistrationLinks(RegistrationLinkRepository):
    """Stores registration requests by id; a unit sees those of its tenant."""

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
        locked = evolve(link, change_no=link.change_no + 1)
        self._links.put(link_id, locked)
        self._unit.number(Subject.REGISTRATION, link_id, locked.change_no)
        return locked

    def replace(self, link: RegistrationLink) -> None:
        stored = self.get(link.id)
        if stored is not None:
            self._links.put(link.id, with_own(link, stored, "tenant_id", "change_no"))

    def remove_of_email(self, email: str) -> list[RegistrationLink]:
        return self._remove([link for link in self._of_tenant() if is_same_address(link.email, email)])

    def remove_all(self, *, limit: int) -> list[RegistrationLink]:
        return self._remove(self._of_tenant()[:limit])

    def _of_tenant(self) -> list[RegistrationLink]:
        return [link for link in self._links.values() if link.tenant_id == self._unit.tenant_id]

    def remove_expired(self, before: datetime, *, limit: int) -> list[RegistrationLink]:
        removed = oldest(
            self._links.values(),  # of all tenants, as in every clean-up
            lambda link: _earliest(link.expires_at, link.completed_at),
            before=before,
            limit=limit,
        )
        return self._remove(removed)

    def remove_abandoned(self, requested_before: datetime, *, now: datetime, limit: int) -> list[RegistrationLink]:
        removed = oldest(
            (link for link in self._links.values() if link.completed_at is None and link.expires_at <= now),
            lambda link: link.requested_at,
            before=requested_before,
            limit=limit,
        )
        return self._remove(removed)

    def _remove(self, removed: list[RegistrationLink]) -> list[RegistrationLink]:
        for link in removed:
            self._links.remove(link.id)
        return removed


def _earliest(expires_at: datetime, *others: datetime | None) -> datetime:
    return min(at for at in (expires_at, *others) if at is not None)
