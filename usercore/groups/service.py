"""The use-cases of groups: managing them and their members."""

from typing import Any

from usercore.groups.errors import GroupNotEmpty, GroupNotFound, GroupStaleVersion, GroupTaken
from usercore.groups.model import (
    CREATED,
    DEFAULT_SORTING,
    DELETED,
    JOINED,
    LEFT,
    UPDATED,
    Group,
    GroupId,
    GroupMember,
    JoinedGroup,
)
from usercore.groups.ports import GroupsUnit
from usercore.groups.rules import CLEAN, GroupKey, clean_group_key
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.named import add_named, delete_named, replace_named
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, check_type, clean_fields, unique_key
from usercore.kernel.time import to_micros
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen
from usercore.kernel.versions import check_version


@frozen(kw_only=True)
class Groups:
    """Manages the groups of a tenant, and which users are in them. Trusted. Safe to share between threads.

    A group is named by its name, ignoring case, or its id.
    """

    _service: ServiceContext[GroupsUnit]

    def create(self, name: str, *, sorting: int = DEFAULT_SORTING) -> Group:
        """Create a group. The name has 1-256 characters and is unique in the tenant ignoring case.

        Lists are in the order of ``sorting``, which has 32 bits, and then of the names.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: a value is invalid; it lists every error, by field.
            GroupTaken: another group of the tenant has the name.
        """
        fields = _clean({"name": name, "sorting": sorting})

        def create(unit: GroupsUnit) -> Group:
            now, by = self._service.clock(), self._by
            group = Group(
                id=GroupId(self._service.new_id()),
                tenant_id=self._service.context.tenant_id,
                created_at=now,
                created_by=by,
                modified_at=now,
                modified_by=by,
                **fields,
            )
            add_named(unit, unit.groups, group, kind=CREATED, taken=GroupTaken("group_name", "name"))
            return group

        return self._service.units.write(create)

    def get(self, group: int | str) -> Group:
        """Return a group.

        Raises:
            TypeError: the group is neither text nor int.
            Invalid: no group can have this name.
            GroupNotFound: the tenant has no such group.
        """
        key = clean_group_key(group)
        return self._service.units.read(lambda unit: _find(unit, key))

    def update(
        self,
        group: int | str,
        *,
        name: str | Unset = UNSET,
        sorting: int | Unset = UNSET,
        version: int | None = None,
    ) -> Group:
        """Change the fields that are passed, and return the group as it is now.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: a value is invalid; it lists every error, by field.
            GroupNotFound: the tenant has no such group.
            GroupStaleVersion: the group has another version by now.
            GroupTaken: another group of the tenant has the name.
        """
        key = clean_group_key(group)
        fields = _clean({"name": name, "sorting": sorting})

        def update(unit: GroupsUnit) -> Group:
            old = _lock(unit, key)
            check_version(old.version, version, error=GroupStaleVersion)
            return replace_named(
                unit,
                unit.groups,
                old,
                evolve(old, **fields),
                kind=UPDATED,
                taken=GroupTaken("group_name", "name"),
                at=self._service.clock(),
                by=self._by,
            )

        return self._service.units.write(update)

    def delete(self, group: int | str, *, force: bool = False) -> None:
        """Delete a group: from now on it is not there. Its name is free at once. With ``force`` even if it has members.

        ``cleanup`` removes the records of the members; their histories do not say that they left.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: no group can have this name.
            GroupNotFound: the tenant has no such group.
            GroupNotEmpty: the group has members.
        """
        key = clean_group_key(group)
        check_type(force, bool, name="force")

        def delete(unit: GroupsUnit) -> None:
            old = _lock(unit, key)
            if not force and unit.group_members.list_of_group(old.id, after=None, limit=1):
                raise GroupNotEmpty
            delete_named(unit, unit.groups, old, kind=DELETED, at=self._service.clock(), by=self._by)

        self._service.units.write(delete)

    def list(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Group]:
        """List the tenant's groups by sorting, then by name; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        rows, after = check_limit(limit), read_cursor(cursor, int, str)
        found = self._service.units.read(lambda unit: unit.groups.list_from(after, limit=rows + 1))
        return page_of(found, rows, lambda group: (group.sorting, unique_key(group.name)))

    def add(self, ref: Reference, group: int | str) -> bool:
        """Add a user to a group; return whether anything changed.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed, or no group can have this name.
            GroupNotFound: the tenant has no such group.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        key = clean_group_key(group)

        def add(unit: GroupsUnit) -> bool:
            joined, user_id = _lock(unit, key), unit.resolve(ref)  # or it might be deleted meanwhile
            unit.lock(user_id)
            if unit.group_members.get(user_id, joined.id) is not None:
                return False
            member = GroupMember(
                user_id=user_id,
                group_id=joined.id,
                tenant_id=joined.tenant_id,
                joined_at=self._service.clock(),
                added_by=self._by,
            )
            unit.group_members.add(member)
            unit.record(Change(kind=JOINED, subject_id=user_id, new=JoinedGroup(group=joined, member=member)))
            return True

        return self._service.units.write(add)

    def remove(self, ref: Reference, group: int | str) -> bool:
        """Remove a user from a group; return whether the user was in it.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed, or no group can have this name.
            GroupNotFound: the tenant has no such group.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        key = clean_group_key(group)

        def remove(unit: GroupsUnit) -> bool:
            left, user_id = _find(unit, key), unit.resolve(ref)
            unit.lock(user_id)
            member = unit.group_members.get(user_id, left.id)
            if member is None:
                return False
            unit.group_members.remove(user_id, left.id)
            unit.record(Change(kind=LEFT, subject_id=user_id, old=JoinedGroup(group=left, member=member)))
            return True

        return self._service.units.write(remove)

    def members(self, group: int | str, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[GroupMember]:
        """List the users of a group by joining time, whatever their state; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: no group can have this name, or limit or cursor is wrong.
            GroupNotFound: the tenant has no such group.
        """
        key = clean_group_key(group)
        rows, after = check_limit(limit), read_cursor(cursor, int, int)
        found = self._service.units.read(
            lambda unit: unit.group_members.list_of_group(_find(unit, key).id, after=after, limit=rows + 1)
        )
        return page_of(found, rows, lambda member: (to_micros(member.joined_at), member.user_id))

    def of_user(self, ref: Reference) -> tuple[JoinedGroup, ...]:
        """Return the groups of a user by joining time, and when and by whom the user was added.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self._service.units.read(lambda unit: joined_groups(unit, unit.get_or_raise(ref)))

    @property
    def _by(self) -> str:
        return str(self._service.context.actor)


def joined_groups(unit: GroupsUnit, user_id: UserId) -> tuple[JoinedGroup, ...]:
    """Return the groups of a user by joining time."""
    members = {one.group_id: one for one in unit.group_members.list_of(user_id)}
    groups = unit.groups.get_many(list(members)) if members else []
    joined = [JoinedGroup(group=group, member=members[group.id]) for group in groups]
    return tuple(sorted(joined, key=lambda one: (one.member.joined_at, one.group_id)))


def _find(unit: GroupsUnit, key: GroupKey) -> Group:
    if isinstance(key, str):
        group = unit.groups.find_by_name(key)
    else:
        group = unit.groups.get(GroupId(key)) if 0 < key < LIMIT else None
    if group is None:
        raise GroupNotFound
    return group


def _lock(unit: GroupsUnit, key: GroupKey) -> Group:
    return unit.groups.lock(_find(unit, key).id)


def _clean(given: dict[str, object]) -> dict[str, Any]:
    errors = FieldErrors()
    fields = clean_fields(CLEAN, given, errors)
    errors.check()
    return fields
