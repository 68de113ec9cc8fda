"""The use-cases of roles: managing them, giving them to users, and asking what users are allowed."""

from collections.abc import Collection
from typing import Any, Protocol
from uuid import UUID

from usercore.authorization.steps import RoleGivingUnit, give_role, set_role_requirement, take_role
from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import evolve
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import RoleId
from usercore.kernel.named import add_named, delete_named, replace_named
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import FieldErrors, check_type, clean_fields, unique_key
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen
from usercore.kernel.versions import check_version
from usercore.roles.errors import AdminHasNoRoles, RoleStaleVersion, RoleTaken
from usercore.roles.model import CREATED, DELETED, UPDATED, HeldRole, Role
from usercore.roles.rules import CLEAN, clean_permission, clean_role_key, permissions_of
from usercore.roles.service import find_role, held_roles, lock_role
from usercore.storage.lookups import LookupsUnit
from usercore.users.model import UserState


class AuthorizationUnit(RoleGivingUnit, LookupsUnit, Protocol):
    """What managing roles and checking permissions reads and writes."""


@frozen(kw_only=True)
class Roles:
    """Manages the roles of a tenant, and which user has which. Trusted. Safe to share between threads.

    A role is named by its name, ignoring case, its id or its UUID.
    """

    _service: ServiceContext[AuthorizationUnit]

    def create(
        self, name: str, *, permissions: Collection[str] = (), privileged: bool = False, active: bool = True
    ) -> Role:
        """Create a role. The name has 1-256 characters and is unique in the tenant ignoring case.

        A permission has 1-255 characters, and a role at most 1000. Holders of a privileged role that is active can
        sign in only by a password, or as the host allows explicitly.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: a value is invalid; it lists every error, by field.
            RoleTaken: another role of the tenant has the name.
        """
        given = {"name": name, "permissions": permissions, "privileged": privileged, "active": active}
        fields = _clean(given)

        def create(unit: AuthorizationUnit) -> Role:
            role = self._new(fields)
            add_named(unit, unit.roles, role, kind=CREATED, taken=RoleTaken("role_name", "name"))
            return role

        return self._service.units.write(create)

    def get(self, role: int | UUID | str) -> Role:
        """Return a role.

        Raises:
            TypeError: the role is neither text, int nor UUID.
            Invalid: no role can have this name.
            RoleNotFound: the tenant has no such role.
        """
        key = clean_role_key(role)
        return self._service.units.read(lambda unit: find_role(unit, key))

    def update(
        self,
        role: int | UUID | str,
        *,
        name: str | Unset = UNSET,
        active: bool | Unset = UNSET,
        privileged: bool | Unset = UNSET,
        permissions: Collection[str] | Unset = UNSET,
        version: int | None = None,
    ) -> Role:
        """Change the fields that are passed, and return the role as it is now; it holds for all users at once.

        Raises:
            TypeError: a value has the wrong type.
            Invalid: a value is invalid; it lists every error, by field.
            RoleNotFound: the tenant has no such role.
            RoleStaleVersion: the role has another version by now.
            RoleTaken: another role of the tenant has the name.
        """
        key = clean_role_key(role)
        fields = _clean({"name": name, "active": active, "privileged": privileged, "permissions": permissions})

        def update(unit: AuthorizationUnit) -> Role:
            old = lock_role(unit, key)
            check_version(old.version, version, error=RoleStaleVersion)
            return replace_named(
                unit,
                unit.roles,
                old,
                evolve(old, **fields),
                kind=UPDATED,
                taken=RoleTaken("role_name", "name"),
                at=self._service.clock(),
                by=self._by,
            )

        return self._service.units.write(update)

    def delete(self, role: int | UUID | str) -> None:
        """Delete a role: from now on it is not there, and allows its holders nothing. Its name is free at once.

        Who had the role still requires an active one to sign in. ``cleanup`` removes the records of the holders.

        Raises:
            TypeError: the role is neither text, int nor UUID.
            Invalid: no role can have this name.
            RoleNotFound: the tenant has no such role.
        """
        key = clean_role_key(role)

        def delete(unit: AuthorizationUnit) -> None:
            old = lock_role(unit, key)
            # Inactive too, because the look-ups for authentication leave inactive roles out.
            delete_named(unit, unit.roles, old, kind=DELETED, at=self._service.clock(), by=self._by, active=False)

        self._service.units.write(delete)

    def list(self, active: bool | None = None, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Role]:  # noqa: FBT001 - as tenants.list
        """List the tenant's roles by name; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
        """
        if active is not None:
            check_type(active, bool, name="active")
        rows, place = check_limit(limit), read_cursor(cursor, str)
        after = None if place is None else place[0]
        found = self._service.units.read(lambda unit: unit.roles.list_from(after, active=active, limit=rows + 1))
        return page_of(found, rows, lambda role: (unique_key(role.name),))

    def give(self, ref: Reference, role: int | UUID | str) -> bool:
        """Assign a role to a user; return whether anything changed. From now on the user requires an active role.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed, or no role can have this name.
            AdminHasNoRoles: this core is bound to ``system``.
            RoleNotFound: the tenant has no such role.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        key = clean_role_key(role)
        self._check_no_admin()

        def give(unit: AuthorizationUnit) -> bool:
            given = lock_role(unit, key)  # or it might be deleted meanwhile
            user = unit.users.lock(unit.resolve(ref))
            if unit.role_assignments.get(user.id, given.id) is not None:
                return False
            now = self._service.clock()
            give_role(unit, user, given, number=self._service.new_id(), at=now, by=self._by)
            set_role_requirement(unit, user, required=True, at=now, by=self._by)
            return True

        return self._service.units.write(give)

    def take(self, ref: Reference, role: int | UUID | str) -> bool:
        """Take a role from a user; return whether the user had it. Whether the user requires a role stays as it is.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed, or no role can have this name.
            RoleNotFound: the tenant has no such role.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        key = clean_role_key(role)

        def take(unit: AuthorizationUnit) -> bool:
            taken, user_id = find_role(unit, key), unit.resolve(ref)
            unit.lock(user_id)
            assignment = unit.role_assignments.get(user_id, taken.id)
            if assignment is None:
                return False
            take_role(unit, HeldRole(role=taken, assignment=assignment))
            return True

        return self._service.units.write(take)

    def of_user(self, ref: Reference) -> tuple[HeldRole, ...]:
        """Return the roles of a user by name, active or not, and when and by whom they were given.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self._service.units.read(lambda unit: tuple(held_roles(unit, unit.get_or_raise(ref))))

    def require(self, ref: Reference, required: bool) -> bool:  # noqa: FBT001 - the signature in spec T4
        """Set whether a user needs an active role to sign in; return whether anything changed.

        Giving a role to the user sets it, and only this call lifts it.

        Raises:
            TypeError: an argument has the wrong type.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
            AdminHasNoRoles: an active role is required in ``system``, whose users have none.
        """
        check_reference(ref)
        if check_type(required, bool, name="required"):
            self._check_no_admin()

        def require(unit: AuthorizationUnit) -> bool:
            user = unit.users.lock(unit.resolve(ref))
            set_role_requirement(unit, user, required=required, at=self._service.clock(), by=self._by)
            return required != user.requires_role

        return self._service.units.write(require)

    def allows(self, ref: Reference, permission: str) -> bool:
        """Return whether a user is allowed something: an active role of the user has exactly this permission.

        Users who are not active and users of inactive tenants are allowed nothing, and active admins everything: ask
        ``core.tenant("system")`` about those, whichever tenant they work on.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference is malformed, or no role can have this permission.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        wanted = clean_permission(permission)

        def query(unit: AuthorizationUnit) -> bool:
            account = unit.authentication.get(unit.resolve(ref))
            if account is None or account.user.state is UserState.ERASED:
                raise UserNotFound
            if account.user.state is not UserState.ACTIVE or not account.tenant_active:
                return False
            return account.user.is_admin or wanted in permissions_of(account.roles)

        return self._service.units.read(query)

    @property
    def _by(self) -> str:
        return str(self._service.context.actor)

    def _new(self, fields: dict[str, Any]) -> Role:
        now, by, context = self._service.clock(), self._by, self._service.context
        role_id = RoleId(self._service.new_id())
        return Role(
            id=role_id,
            tenant_id=context.tenant_id,
            created_at=now,
            created_by=by,
            modified_at=now,
            modified_by=by,
            **fields,
        )

    def _check_no_admin(self) -> None:
        if self._service.context.tenant_id == SYSTEM:
            raise AdminHasNoRoles


def _clean(given: dict[str, object]) -> dict[str, Any]:
    errors = FieldErrors()
    fields = clean_fields(CLEAN, given, errors)
    errors.check()
    return fields
