"""The use-cases of users: reading, listing and searching them, updating, identifiers, activating and deactivating."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Unpack

from usercore.accounts.status import AccountsUnit, StatusReader
from usercore.authenticators.last_admin import LastAdminGuard
from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.paging import PAGE_SIZE, NumberedPage, Page, check_limit, check_page, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, check_type, is_blank
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen
from usercore.kernel.versions import check_version
from usercore.tenants.model import Tenant
from usercore.tenants.service import get_tenant
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.policies import RevocationPolicy
from usercore.tokens.service import revoke_all
from usercore.users.fields import UserFields, check_names, clean_own_fields
from usercore.users.identifiers import clean_slots, next_access_ids
from usercore.users.keys import host_id
from usercore.users.lists import (
    States,
    clean_ids,
    found_users,
    page_by_ids,
    states_listed,
    users_after,
)
from usercore.users.model import (
    ACTIVATED,
    CONFIRMED,
    DEACTIVATED,
    IDS_CHANGED,
    UPDATED,
    AccountStatus,
    Preferences,
    SearchPolicy,
    User,
    UserState,
)
from usercore.users.ports import UsersUnit
from usercore.users.rules import check_linkable, check_movable
from usercore.users.service import get_user, replace_user
from usercore.users.usernames import clean_username
from usercore.users.words import words_of_query


@frozen(kw_only=True)
class Users:
    """Reads, lists and changes users. Trusted: for the host and its operators. Safe to share between threads."""

    _service: ServiceContext[AccountsUnit]
    _status: StatusReader
    _revocation: RevocationPolicy
    _last_admin: LastAdminGuard
    _search: SearchPolicy

    def get(self, ref: Reference) -> User:
        """Return the user that ``ref`` names: int id, UUID, Email, Username, ExternalId, AccessId or AnyId.

        Raises:
            TypeError: ``ref`` is not a reference; a bare ``str`` is not accepted.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self._service.units.read(lambda unit: get_user(unit, ref))

    def find(self, ref: Reference) -> User | None:
        """Return the user that ``ref`` names, or None.

        Raises:
            TypeError: ``ref`` is not a reference.
            Invalid: an identifier of this form cannot exist.
        """
        try:
            return self.get(ref)
        except UserNotFound:
            return None

    def list_by_ids(
        self, ids: Iterable[int], page: int = 1, *, include_deactivated: bool = False, include_unclaimed: bool = False
    ) -> NumberedPage[User]:
        """Return a page of the users with these ids, by id: a thousand on each page, from page 1.

        Ids that repeat count once, and those of no user not at all. Erased users are never listed, deactivated and
        unclaimed ones on request.

        Raises:
            TypeError: an argument has the wrong type; text is no iterable of ids.
            Invalid: ``page`` is less than 1.
        """
        wanted = clean_ids(ids)
        check_page(page)
        states = _states(include_deactivated, include_unclaimed)
        return self._service.units.read(lambda unit: page_by_ids(unit, wanted, states, page=page))

    def list(
        self,
        *,
        include_deactivated: bool = False,
        include_unclaimed: bool = False,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[User]:
        """List the users of the tenant by id; ``limit`` is 1 to 1000.

        Erased users are never listed, deactivated and unclaimed ones on request. A user who changes after a page was
        read is not listed again: subscribe to changes to follow them.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        states, rows, after = _states(include_deactivated, include_unclaimed), check_limit(limit), _place(cursor)
        found = self._service.units.read(lambda unit: users_after(unit, states, after=after, limit=rows + 1))
        return page_of(found, rows, _place_of)

    def search(
        self,
        query: str,
        *,
        include_deactivated: bool = False,
        include_unclaimed: bool = False,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
    ) -> Page[User]:
        """List the users, by id, to whom every word of the query applies; ``limit`` is 1 to 1000.

        A word, of three characters or more, is the beginning of the user's email, username or a word of a name,
        ignoring case and width. A word may also be the user's whole id.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the query is empty or too long, a word of it is too short, or it has too many words; limit or
                cursor is wrong.
            TooBroad: each of the words applies to more than a thousand users.
        """
        words = words_of_query(query, most=self._search.max_words)
        states, rows, after = _states(include_deactivated, include_unclaimed), check_limit(limit), _place(cursor)
        found = self._service.units.read(lambda unit: found_users(unit, words, states, policy=self._search))
        return page_of([user for user in found if after is None or user.id > after], rows, _place_of)

    def status(self, ref: Reference) -> AccountStatus:
        """Return the status of a user: password, failures in a row, locked until, last sign-in, last use.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self._service.units.read(lambda unit: self._status.status_of(unit, get_user(unit, ref)))

    def preferences(self, ref: Reference) -> Preferences:
        """Return the preferences that apply to a user: the user's own or, without one, the tenant's.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)

        def query(unit: AccountsUnit) -> Preferences:
            user = get_user(unit, ref)
            return preferences_of(user, get_tenant(unit, user.tenant_id))

        return self._service.units.read(query)

    def update(
        self,
        ref: Reference,
        *,
        username: str | None | Unset = UNSET,
        version: int | None = None,
        **fields: Unpack[UserFields],
    ) -> User:
        """Change the fields that are passed, and return the user as it is now; None and "" clear a field.

        Args:
            ref: the user.
            username: one with an @ must be the user's own email.
            version: the version that was read, for optimistic locking.
            **fields: any of ``UserFields``; ``docs/reference/user-fields.md`` has them all.

        Raises:
            TypeError: a value has the wrong type, or there is no field with a name.
            UserNotFound: no user of this tenant has this reference.
            Invalid: a value is invalid (it lists every error, by field), or an identifier of this form cannot exist.
            StaleVersion: the user has another version by now.
            Taken: the username is another user's.
            LastAdmin: no admin could sign in without the username.
        """
        check_names(fields, UserFields, call="users.update")

        def fields_for(user: User) -> dict[str, object]:
            check_version(user.version, version)
            errors = FieldErrors()
            changes = clean_own_fields(fields, errors)
            if username is not UNSET:
                changes["username"] = errors.take(_clean_username, username, user)
            errors.check()
            return changes

        return self._change(ref, UPDATED, fields_for)

    def link_external_id(self, ref: Reference, external_id: str | int) -> User:
        """Link the host's id to a user without one; linking the same id again changes nothing.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: no user of this tenant has this reference.
            Invalid: the id or ``ref`` is malformed.
            ExternalIdLinked: the user has another external id.
            Taken: another user has this id.
        """
        text = host_id(external_id, field="external_id")

        def fields_for(user: User) -> dict[str, object]:
            return {"external_id": text} if check_linkable(user, text) else {}

        return self._change(ref, IDS_CHANGED, fields_for)

    def unlink_external_id(self, ref: Reference) -> User:
        """Remove the host's id from a user; nothing changes if there is none.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        return self._change(ref, IDS_CHANGED, lambda _: {"external_id": None})

    def set_access_ids(
        self, ref: Reference, access_ids: Sequence[str | int | None] | Mapping[int, str | int | None]
    ) -> User:
        """Replace access ids by a list or {slot: id}, slots 1 to 4; None clears a slot, others stay. All or nothing.

        Raises:
            TypeError: an argument has the wrong type; text is not a list.
            UserNotFound: no user of this tenant has this reference.
            Invalid: no id or more than four, a slot out of range, a blank or a repeated id; or ``ref`` is malformed.
            Taken: another user has one of them.
        """
        slots = clean_slots(access_ids)
        return self._change(ref, IDS_CHANGED, lambda user: {"access_ids": next_access_ids(user.access_ids, slots)})

    def _change(self, ref: Reference, kind: ChangeKind, fields_for: Callable[[User], dict[str, object]]) -> User:
        check_reference(ref)

        def change(unit: AccountsUnit) -> User:
            old = self._last_admin.lock(unit, unit.resolve(ref), tenant_id=self._service.context.tenant_id)
            new, now = evolve(old, **fields_for(old)), self._service.clock()
            loses_login = old.username is not None and new.username is None and new.email is None
            is_needed = loses_login and self._last_admin.is_needed(unit, old, at=now)
            replaced = self._replace(unit, old, new, kind)
            if is_needed:
                self._last_admin.check_able(unit, old, at=now)
            return replaced

        return self._service.units.write(change)

    def confirm(self, ref: Reference) -> User:
        """Note that a user is confirmed, once; the email is not verified by that.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        return self._change(ref, CONFIRMED, lambda user: {"confirmed_at": user.confirmed_at or self._service.clock()})

    def activate(self, ref: Reference) -> User:
        """Activate a deactivated user, who can then sign in again; nothing changes if the user is active.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
            WrongState: the user is unclaimed.
        """
        return self._move(ref, UserState.ACTIVE, ACTIVATED)

    def deactivate(self, ref: Reference) -> User:
        """Deactivate a user: revoke access tokens, login tokens and links, and refuse all others and every sign-in.

        Nothing changes if the user is deactivated. The policy may keep the tokens, which are refused meanwhile.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
            WrongState: the user is unclaimed.
            LastAdmin: the user is the last active admin, or the last one who can sign in.
        """
        return self._move(ref, UserState.DEACTIVATED, DEACTIVATED)

    def _move(self, ref: Reference, to: UserState, kind: ChangeKind) -> User:
        check_reference(ref)

        def move(unit: AccountsUnit) -> User:
            old = self._last_admin.lock(unit, unit.resolve(ref), tenant_id=self._service.context.tenant_id)
            if not check_movable(old, to):
                return old
            if to is UserState.DEACTIVATED:
                self._last_admin.check(unit, old, at=self._service.clock())
            moved = self._replace(unit, old, evolve(old, state=to), kind)
            if to is UserState.DEACTIVATED:
                reason = RevocationReason.DEACTIVATED
                revoke_all(unit, old.id, reason, at=moved.modified_at, policy=self._revocation)
            return moved

        return self._service.units.write(move)

    def _replace(self, unit: UsersUnit, old: User, new: User, kind: ChangeKind) -> User:
        return replace_user(unit, old, new, kind, at=self._service.clock(), by=str(self._service.context.actor))


def _states(include_deactivated: object, include_unclaimed: object) -> States:
    return states_listed(
        include_deactivated=check_type(include_deactivated, bool, name="include_deactivated"),
        include_unclaimed=check_type(include_unclaimed, bool, name="include_unclaimed"),
    )


def _place(cursor: str | None) -> UserId | None:
    place = read_cursor(cursor, int)
    return None if place is None else UserId(place[0])


def _place_of(user: User) -> tuple[int]:
    return (user.id,)


def preferences_of(user: User, tenant: Tenant) -> Preferences:
    """Return the preferences that apply to a user: the user's own, else the tenant's."""
    timestamp, data = user.timestamp_offset_minutes, user.data_offset_minutes
    return Preferences(
        language=user.language or tenant.language,
        date_format=user.date_format or tenant.date_format,
        time_zone=tenant.time_zone,
        timestamp_offset_minutes=tenant.timestamp_offset_minutes if timestamp is None else timestamp,
        data_offset_minutes=tenant.data_offset_minutes if data is None else data,
    )


def _clean_username(username: str | None, user: User) -> str | None:
    return None if is_blank(username) else clean_username(username, email=user.email)
