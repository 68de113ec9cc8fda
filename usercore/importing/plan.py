"""Planning an import: what the records of a batch change of the users that exist. Pure, except that it generates ids.

Comparing each record with the storage alone would not be enough, because records of one batch affect each other: a
second line of a person must find the user that the first one creates, and a key that the first one claims is taken.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import attrs

from usercore.importing.candidates import Candidate
from usercore.importing.changes import changes_of
from usercore.importing.records import ImportRecord
from usercore.kernel.context import MAIN
from usercore.kernel.entity import evolve
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.ids import FIRST_DRAWN, USER_KIND, IdSource, TenantId, UserId, id_of
from usercore.kernel.text import refuse
from usercore.kernel.values import frozen
from usercore.passwords.model import Credential
from usercore.passwords.rules import may_replace
from usercore.users.identifiers import claims_of, field_of, username_key
from usercore.users.keys import KeySpace, KeyUse, email_key
from usercore.users.model import Claim, User, UserState
from usercore.users.rules import is_spelling_of


class Outcome(StrEnum):
    """The outcome of a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    BAD = "bad"


@frozen
class Creation:
    """The line creates this user with these claims."""

    outcome: ClassVar = Outcome.CREATED
    line: int
    user: User
    claims: Mapping[tuple[KeySpace, str], KeyUse]
    password_hash: str | None = attrs.field(default=None, repr=False)


@frozen
class Update:
    """The line changes ``old`` to ``new``, which is ``old`` if only the password is new."""

    outcome: ClassVar = Outcome.UPDATED
    line: int
    old: User
    new: User
    at: datetime
    password_hash: str | None = attrs.field(default=None, repr=False)


@frozen
class Repetition:
    """The line changes nothing of its user."""

    outcome: ClassVar = Outcome.UNCHANGED
    line: int


@frozen
class RejectedRecord:
    """The line is bad."""

    outcome: ClassVar = Outcome.BAD
    line: int
    errors: tuple[FieldError, ...]


@frozen
class Known:
    """What the records of a batch may refer to or collide with. Credentials are those of records with a hash.

    ``over`` are claims that were only held, and no longer are: their keys are free.
    """

    users: Sequence[User]
    claims: Sequence[Claim]
    credentials: Sequence[Credential]
    over: Sequence[Claim] = ()


Step = Creation | Update | Repetition | RejectedRecord

Admit = Callable[[int, User], None]
"""Called for each line that would create a user; if it raises ``Invalid``, none is created."""


class Plan:
    """Decides on one record after another; later records see the users that earlier ones create or change."""

    def __init__(
        self,
        known: Known,
        *,
        blank: User,
        new_id: IdSource,
        admit: Admit,
    ) -> None:
        """Start from what is known. New users are copies of ``blank``: tenant, actor, instant, source."""
        self._users = {user.id: user for user in known.users}
        self._holders = {(claim.space, claim.key): claim.holder_id for claim in known.claims}
        self._credentials = {credential.user_id: credential for credential in known.credentials}
        self._hashes = dict[UserId, str]()
        self._blank = blank
        self._new_id = new_id
        self._admit = admit

    def step(self, candidate: Candidate) -> Step:
        """Decide on the next line."""
        if candidate.record is None:
            return RejectedRecord(candidate.line, candidate.errors)
        try:
            return self._step(candidate.line, candidate.record)
        except Invalid as refusal:
            return RejectedRecord(candidate.line, refusal.errors)

    def _step(self, line: int, record: ImportRecord) -> Step:
        old = self._named(record)
        changes = changes_of(old or self._blank, record, at=self._blank.modified_at)
        if old is None:
            user = evolve(self._blank, id=record.id or UserId(self._new_id()), **changes)
            return self._create(line, user, record)
        new_hash = self._new_hash(old, record.password_hash)
        if old.state is UserState.UNCLAIMED and isinstance(record.email, str):
            changes["registered_at"] = record.created_at or self._blank.modified_at
            changes["state"] = UserState.ACTIVE  # a record with the email registers the user in place
            self._admit(line, evolve(old, **changes))
        is_same = all(getattr(old, field) == value for field, value in changes.items())
        if is_same and new_hash is None:
            return Repetition(line)
        new = old if is_same else self._changed(old, changes)
        self._remember_hash(old, new_hash)
        return Update(line, old, new, self._blank.modified_at, new_hash)

    def _create(self, line: int, user: User, record: ImportRecord) -> Creation:
        self._check_free(user, record.claims)
        self._admit(line, user)
        self._remember(user, record.claims)
        self._remember_hash(user, record.password_hash)
        return Creation(line, user, record.claims, record.password_hash)

    def _new_hash(self, user: User, given: str | None) -> str | None:
        """Return the hash that replaces the user's, or None if none does."""
        if given is None or self._hashes.get(user.id) == given:
            return None
        is_replaceable = user.id in self._hashes or may_replace(self._credentials.get(user.id), given)
        return given if is_replaceable else None

    def _changed(self, old: User, changes: Mapping[str, Any]) -> User:
        at, by = self._blank.modified_at, self._blank.modified_by
        new = evolve(old, modified_at=at, modified_by=by, version=old.version + 1, **changes)
        claims = claims_of(new)
        self._check_free(new, claims)
        for name in claims_of(old).keys() - claims.keys():
            self._holders.pop(name, None)  # only the keys of the batch were looked up
        self._remember(new, claims)
        return new

    def _named(self, record: ImportRecord) -> User | None:
        """Return the user that the record names, or None if it creates one.

        Raises:
            Invalid: it names two users, or its id cannot exist in this tenant.
        """
        found = set(self._holders_named(record))
        if record.id is not None:
            check_id(record.id, self._users.get(record.id), self._blank.tenant_id)
            found.add(record.id)
        if len(found) > 1:
            refuse("record", "two_users")
        user = self._users.get(found.pop()) if found else None
        if user is not None and record.id is None and isinstance(record.external_id, str):
            _check_linkable(user, record.external_id)
        return user

    def _holders_named(self, record: ImportRecord) -> Iterator[UserId]:
        """Iterate over the users with the external id or email; without these and an id, over those named otherwise."""
        if record.id is None and not (isinstance(record.external_id, str) or isinstance(record.email, str)):
            yield from self._holders_named_otherwise(record)
        if isinstance(record.external_id, str):
            user = self._holder(KeySpace.EXTERNAL, record.external_id)
            if user is not None and user.external_id == record.external_id:  # the key may be an access id instead
                yield user.id
        if isinstance(record.email, str):
            user = self._holder(KeySpace.LOGIN, email_key(record.email))
            if user is not None and is_spelling_of(record.email, user.email):  # the key may be held for the user only
                yield user.id

    def _holders_named_otherwise(self, record: ImportRecord) -> Iterator[UserId]:
        """Iterate over the users with the first of username, access ids and UUID that the record has."""
        access_ids = [text for text in record.slots.values() if text is not None]
        if isinstance(record.username, str):
            key = username_key(record.username)
            user = self._holder(KeySpace.LOGIN, key)
            if user is not None and user.username is not None and username_key(user.username) == key:
                yield user.id
        elif access_ids:
            for text in access_ids:
                user = self._holder(KeySpace.EXTERNAL, text)
                if user is not None and text in user.access_ids:  # the key may be an external id instead
                    yield user.id
        elif isinstance(record.uuid, UUID):
            user = self._holder(KeySpace.UUID, str(record.uuid)) or self._derived(record.uuid)
            if user is not None and user.uuid == record.uuid:
                yield user.id

    def _derived(self, uuid: UUID) -> User | None:
        """Return the user whose id this UUID is derived from, if that is their UUID and they are not erased."""
        user = self._users.get(UserId(id_of(uuid, USER_KIND) or 0))
        return user if user is not None and user.uuid == uuid and user.state is not UserState.ERASED else None

    def _holder(self, space: KeySpace, key: str) -> User | None:
        return self._users.get(UserId(self._holders.get((space, key), 0)))

    def _check_free(self, new: User, claims: Mapping[tuple[KeySpace, str], KeyUse]) -> None:
        holders = self._holders
        errors = [
            FieldError(field_of(use), "taken") for name, use in claims.items() if holders.get(name, new.id) != new.id
        ]
        if new.supplied_uuid is not None:
            derived = self._derived(new.supplied_uuid)
            if derived is not None and derived.id != new.id:
                errors.append(FieldError("uuid", "taken"))
        if errors:
            raise Invalid(tuple(errors))

    def _remember_hash(self, user: User, text: str | None) -> None:
        if text is not None:
            self._hashes[user.id] = text

    def _remember(self, user: User, claims: Iterable[tuple[KeySpace, str]]) -> None:
        self._holders.update(dict.fromkeys(claims, user.id))
        self._users[user.id] = user


def sought_ids(records: Iterable[ImportRecord], claims: Iterable[Claim]) -> set[UserId]:
    """Return the ids of all users that the records name or whose keys they claim."""
    ids = {UserId(claim.holder_id) for claim in claims}
    for record in records:
        if record.id is not None:
            ids.add(record.id)
        if isinstance(record.uuid, UUID):
            ids.add(UserId(id_of(record.uuid, USER_KIND) or 0))
    return ids


def check_id(user_id: UserId, user: User | None, tenant_id: TenantId) -> None:
    """Check that an id names a user of the tenant, or that a user with this id may be created by an import into it.

    Ids are unique in the whole store. If records of two tenants could contain new ids, each tenant could probe for the
    other's. Only those of the main tenant may; elsewhere a free id and one of another tenant are refused alike.

    Raises:
        Invalid: ``unknown``: such ids are generated, or the tenant is not the main one; ``erased``.
    """
    if user is None and (user_id >= FIRST_DRAWN or tenant_id != MAIN):
        refuse("id", "unknown")
    if user is not None and user.state is UserState.ERASED:
        refuse("id", "erased")


def _check_linkable(user: User, external_id: str) -> None:
    # Two people may share an email; only an equal external id proves that it is the same person.
    if user.external_id not in (None, external_id):
        refuse("external_id", "another_linked")
