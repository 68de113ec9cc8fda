"""The use-cases of users, and the steps that workflows take, too."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.entity import differing, evolve
from usercore.kernel.errors import Taken, UserNotFound
from usercore.kernel.references import Reference, check_reference, check_user_id
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, clean_fields, is_blank
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen
from usercore.kernel.versions import check_version
from usercore.users.identifiers import (
    IDENTIFIERS,
    claims_of,
    clean_slots,
    field_of,
    in_order,
    next_access_ids,
)
from usercore.users.keys import Space, Use, claim_of, host_id
from usercore.users.model import IDS_CHANGED, UPDATED, Claim, User, UserState
from usercore.users.ports import UsersUnit
from usercore.users.rules import CLEAN, check_linkable, without_email_as_name
from usercore.users.usernames import clean_username


def get_user(unit: UsersUnit, reference: Reference) -> User:
    """Give the user that is named, unless erased.

    Raises:
        UserNotFound: nobody in the unit's tenant is named so.
        Invalid: an identifier of this form cannot exist.
    """
    user = _find_user(unit, reference)
    if user is None or user.state is UserState.ERASED:
        raise UserNotFound
    return user


def _find_user(unit: UsersUnit, reference: Reference) -> User | None:
    if isinstance(reference, int):
        return unit.users.get(check_user_id(reference))
    if isinstance(reference, UUID):
        return unit.users.find_by_uuid(reference)
    return unit.users.find_by_claim(claim_of(reference))


def move_claims(unit: UsersUnit, old: User, new: User) -> None:
    """Claim what the new state's identifiers need and free what only the old one needed.

    All are looked at before the first is taken, so a refusal comes before any write.

    Raises:
        Taken: somebody else has one of the keys.
    """
    had, needs = claims_of(old), claims_of(new)
    wanted = {name: uses for name, uses in needs.items() if had.get(name) != uses}
    check_free(unit.claims.find_many(list(wanted)), new, wanted)
    for name in in_order(wanted):
        unit.claims.put(make_claim(new, *name, wanted[name]))
    dropped = in_order(had.keys() - needs.keys())
    if dropped:
        unit.claims.remove([make_claim(old, *name, had[name]) for name in dropped])


def check_free(found: Iterable[Claim], user: User, wanted: Mapping[tuple[Space, str], Use]) -> None:
    """Refuse keys that somebody else has by the claims that were found on them.

    Raises:
        Taken: one is another user's; the first of several, so they come with the weightiest first.
    """
    holders = {(claim.space, claim.key): claim.holder_id for claim in found}
    for name, uses in wanted.items():
        if holders.get(name, user.id) != user.id:
            raise Taken(str(name[0]), field_of(uses))


def make_claim(user: User, space: Space, key: str, uses: Use) -> Claim:
    """Make the user's claim on a key."""
    return Claim(tenant_id=user.tenant_id, space=space, key=key, holder_id=user.id, uses=int(uses))


def add_user(unit: UsersUnit, user: User, kind: ChangeKind, *, found: Iterable[Claim] | None = None) -> None:
    """Keep a new user with their claims, and say so.

    Raises:
        Taken: somebody else has one of the keys.
    """
    needs = claims_of(user)
    check_free(unit.claims.find_many(list(needs)) if found is None else found, user, needs)
    unit.claims.add_many([make_claim(user, *name, needs[name]) for name in in_order(needs)])
    unit.users.add(user)
    unit.record(Change(kind=kind, subject_id=user.id, new=user))


def replace_user(unit: UsersUnit, old: User, new: User, kind: ChangeKind, *, at: datetime, by: str) -> User:
    """Keep the next state of a guarded user, with claims and version, and say so; nothing if nothing differs.

    Raises:
        Taken: somebody else has one of the keys.
    """
    new = without_email_as_name(new)
    changed = differing(old, new)
    if not changed:
        return old
    if not IDENTIFIERS.isdisjoint(changed):
        move_claims(unit, old, new)
    kept = evolve(new, modified_at=at, modified_by=by, version=old.version + 1)
    unit.users.replace(kept)
    unit.record(Change(kind=kind, subject_id=old.id, old=old, new=kept))
    return kept


@frozen(kw_only=True)
class Users:
    """Reads and changes users one by one. Trusted: for the host and its operators. Safe to share between threads."""

    scope: ServiceContext[UsersUnit]

    def get(self, ref: Reference) -> User:
        """Give the user that ``ref`` names: int id, UUID, Email, Username, ExternalId, AccessId or AnyId.

        Raises:
            TypeError: ``ref`` is no reference; a bare ``str`` is none.
            UserNotFound: nobody in this tenant is named so.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self.scope.units.read(lambda unit: get_user(unit, ref))

    def find(self, ref: Reference) -> User | None:
        """Give the user that ``ref`` names, or None.

        Raises:
            TypeError: ``ref`` is no reference.
            Invalid: an identifier of this form cannot exist.
        """
        try:
            return self.get(ref)
        except UserNotFound:
            return None

    def update(
        self,
        ref: Reference,
        *,
        username: str | None | Unset = UNSET,
        first_name: str | None | Unset = UNSET,
        last_name: str | None | Unset = UNSET,
        public_name: str | None | Unset = UNSET,
        language: str | None | Unset = UNSET,
        date_format: str | None | Unset = UNSET,
        timestamp_offset_minutes: int | None | Unset = UNSET,
        data_offset_minutes: int | None | Unset = UNSET,
        source: str | None | Unset = UNSET,
        referer: str | None | Unset = UNSET,
        registration_channel: str | None | Unset = UNSET,
        note: str | None | Unset = UNSET,
        is_institution: bool | Unset = UNSET,
        institution_name: str | None | Unset = UNSET,
        version: int | None = None,
    ) -> User:
        """Change the fields that are given; None and "" empty one. Gives the user as it is now.

        With ``version`` only if nobody changed the user since that version was read.

        Raises:
            TypeError: a value has the wrong type.
            UserNotFound: nobody in this tenant is named so.
            Invalid: every fault, by field.
            StaleVersion: the user has another version by now.
            Taken: the username is another user's.
        """
        given = {
            "first_name": first_name,
            "last_name": last_name,
            "given_public_name": public_name,
            "language": language,
            "date_format": date_format,
            "timestamp_offset_minutes": timestamp_offset_minutes,
            "data_offset_minutes": data_offset_minutes,
            "source": source,
            "referer": referer,
            "registration_channel": registration_channel,
            "note": note,
            "is_institution": is_institution,
            "institution_name": institution_name,
        }

        def fields_for(user: User) -> dict[str, object]:
            check_version(user.version, version)
            errors = FieldErrors()
            fields = clean_fields(CLEAN, given, errors)
            if username is not UNSET:
                fields["username"] = errors.take(_username, username, user)
            errors.check()
            return fields

        return self._change(ref, UPDATED, fields_for)

    def link_external_id(self, ref: Reference, external_id: str | int) -> User:
        """Link the host's id to a user who has none; the same again changes nothing.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: nobody in this tenant is named so.
            Invalid: the id is malformed.
            ExternalIdLinked: the user has another one.
            Taken: another user has this one.
        """
        text = host_id(external_id, field="external_id")

        def fields_for(user: User) -> dict[str, object]:
            return {"external_id": text} if check_linkable(user, text) else {}

        return self._change(ref, IDS_CHANGED, fields_for)

    def unlink_external_id(self, ref: Reference) -> User:
        """Take the host's id from a user; nothing changes if there is none.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
        """
        return self._change(ref, IDS_CHANGED, lambda _: {"external_id": None})

    def set_access_ids(
        self, ref: Reference, access_ids: Sequence[str | int | None] | Mapping[int, str | int | None]
    ) -> User:
        """Replace the named slots, 1 to 4, by a list or {slot: id}; None empties one, the others stay. All or nothing.

        Raises:
            TypeError: an argument has the wrong type; text is no list.
            UserNotFound: nobody in this tenant is named so.
            Invalid: none or more than four, a blank or a repeated id.
            Taken: another user has one of them.
        """
        slots = clean_slots(access_ids)
        return self._change(ref, IDS_CHANGED, lambda user: {"access_ids": next_access_ids(user.access_ids, slots)})

    def _change(self, ref: Reference, kind: ChangeKind, fields_for: Callable[[User], dict[str, object]]) -> User:
        check_reference(ref)

        def change(unit: UsersUnit) -> User:
            old = unit.users.lock(unit.resolve(ref))
            new = evolve(old, **fields_for(old))
            by = str(self.scope.context.actor)
            return replace_user(unit, old, new, kind, at=self.scope.clock(), by=by)

        return self.scope.units.write(change)


def _username(username: str | None, user: User) -> str | None:
    return None if is_blank(username) else clean_username(username, email=user.email)
