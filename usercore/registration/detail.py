"""The detail that ``registration.save`` takes, and its cleaning. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from usercore.kernel.entity import entity, evolve
from usercore.kernel.errors import FieldError
from usercore.kernel.ids import plain_uuid
from usercore.kernel.references import check_reference
from usercore.kernel.text import FieldErrors, check_type, is_blank
from usercore.kernel.unset import UNSET, Unset
from usercore.roles.model import HeldRole
from usercore.roles.rules import RoleKey, clean_role_key
from usercore.tenants.rules import clean_tenant_key
from usercore.users.emails import clean_email
from usercore.users.fields import ATTRIBUTES, FIELDS, UserFields, clean_own_fields
from usercore.users.model import EmailPolicy, User
from usercore.users.usernames import clean_username

NEEDED: Final = ("username", "first_name", "last_name")
"""The fields that every detail has. Source: spec R4; Izenda."""

MAX_ROLES: Final = 100
"""The most roles of a detail. Source: usercore: each of them is locked while the user is saved."""


NumberedRoles = tuple[tuple[int, RoleKey], ...]
"""The roles of a detail with their places, from 1."""


class UserDetail(UserFields, total=False):
    """What ``registration.save`` takes.

    ``id`` names the user to update, by id or UUID; without it a user is created, with ``uuid`` if it brings one along.
    ``tenant``, by key or UUID, and ``is_admin`` are not needed: they are checked against the tenant that the core is
    bound to. A role is named by id or UUID, which must exist, or by name, which is ignored if it does not.
    """

    id: int | UUID | None
    uuid: UUID | None
    tenant: str | UUID | None
    is_admin: bool | None
    username: str | None
    email: str | None | Unset
    roles: Sequence[int | UUID | str]
    version: int | None


@entity
class SavedUser:
    """The result of ``registration.save``: the user, whether it is new, and the user's roles by name."""

    user: User
    created: bool
    roles: tuple[HeldRole, ...]


@entity
class CleanDetail:
    """A detail whose types are right. ``faults`` are those that are known without a look at the storage.

    ``login`` is what a registration attempt shows: the email as it was passed, else the username. ``fields`` are own
    fields by the attributes of ``User``, of which ``blank`` were passed as None or "".
    """

    id: int | UUID | None
    uuid: UUID | None
    tenant: str | UUID | None
    username: str | None
    email: str | None | Unset
    login: str | None
    roles: NumberedRoles
    version: int | None
    fields: Mapping[str, Any]
    blank: frozenset[str]
    faults: tuple[FieldError, ...] = ()

    def email_of(self, user: User | None) -> str | None:
        """Return the email that the user will have."""
        present = None if user is None else user.email
        return present if isinstance(self.email, Unset) else self.email

    def take_username(self, errors: FieldErrors, *, email: str | None) -> str | None:
        """Return the username of a user with this email, or None after adding what is wrong with it."""
        return None if self.username is None else errors.take(clean_username, self.username, email=email)


def clean_detail(given: Mapping[str, object], policy: EmailPolicy, *, is_admin: bool) -> CleanDetail:
    """Check the types of a detail, and collect the faults that are known without a look at the storage.

    Raises:
        TypeError: a value has the wrong type.
    """
    errors = FieldErrors()
    for name in NEEDED:
        if _lacks_value(name, given.get(name)):
            errors.add(name, "missing")
    uuid, username, email = given.get("uuid"), given.get("username"), given.get("email", UNSET)
    version = given.get("version")
    own = {name: value for name, value in given.items() if name in FIELDS and not _lacks_value(name, value)}
    _check_is_admin(given.get("is_admin"), errors, is_admin=is_admin)
    detail = CleanDetail(
        id=_clean_id(given.get("id")),
        uuid=None if uuid is None else plain_uuid(check_type(uuid, UUID, name="uuid")),
        tenant=_clean_tenant(given.get("tenant"), errors, is_admin=is_admin),
        username=None if _lacks_value("username", username) else check_type(username, str, name="username"),
        email=email if isinstance(email, Unset) else _clean_email(email, policy, errors),
        login=next((text for text in (email, username) if isinstance(text, str) and text), None),
        roles=_clean_roles(given.get("roles", ()), errors, is_admin=is_admin),
        version=None if version is None else check_type(version, int, name="version"),
        fields=clean_own_fields(own, errors),
        blank=frozenset(ATTRIBUTES[name] for name, value in own.items() if is_blank(value)),
    )
    return evolve(detail, faults=tuple(errors))


def _lacks_value(name: str, value: object) -> bool:
    """Return whether this is a needed field without a value; white space is none."""
    return name in NEEDED and (value is None or value is UNSET or (isinstance(value, str) and not value.strip()))


def _clean_id(value: object) -> int | UUID | None:
    if value is None:
        return None
    if not isinstance(value, int | UUID):
        msg = f"id must be int or UUID, not {type(value).__name__}"
        raise TypeError(msg)
    return cast("int | UUID", check_reference(value))


def _clean_email(value: object, policy: EmailPolicy, errors: FieldErrors) -> str | None:
    return None if is_blank(value) else errors.take(clean_email, value, policy)


def _clean_tenant(value: object, errors: FieldErrors, *, is_admin: bool) -> str | UUID | None:
    if value is None:
        return None
    if is_admin:
        errors.add("tenant", "admin_has_none")
    return errors.take(clean_tenant_key, value, field="tenant")


def _check_is_admin(value: object, errors: FieldErrors, *, is_admin: bool) -> None:
    if value is not None and check_type(value, bool, name="is_admin") is not is_admin:
        errors.add("is_admin", "another_tenant")


def _clean_roles(value: object, errors: FieldErrors, *, is_admin: bool) -> NumberedRoles:
    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence):
        msg = f"roles must be a list of ids, UUIDs and names, not {type(value).__name__}"
        raise TypeError(msg)
    if is_admin:
        if value:
            errors.add("roles", "admin_has_none")
        return ()
    if not value:
        errors.add("roles", "missing")
    if len(value) > MAX_ROLES:
        errors.add("roles", "count")
        return ()
    keys = [
        (position, errors.take(clean_role_key, one, field=f"roles.{position}"))
        for position, one in enumerate(value, start=1)
    ]
    return tuple((position, key) for position, key in keys if key is not None)
