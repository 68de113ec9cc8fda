"""Records of an import: their fields, and how each value is checked. Pure.

No value is coerced, except instants and UUIDs in their text form, and all errors of a record are reported at once. Slow
to load because of cattrs, so only an import loads it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache, partial
from typing import Any, Final, TypedDict
from uuid import UUID

import attrs
from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError
from cattrs.gen import override
from cattrs.gen.typeddicts import make_dict_structure_fn

from usercore.kernel.context import printable_prefix
from usercore.kernel.entity import entity
from usercore.kernel.errors import FieldError, Invalid
from usercore.kernel.ids import LIMIT, UserId, plain_uuid
from usercore.kernel.text import check_type, is_blank, refuse
from usercore.kernel.time import clean_instant
from usercore.kernel.unset import UNSET, Unset
from usercore.kernel.values import frozen
from usercore.passwords.imported_hashes import hash_problem
from usercore.passwords.model import PasswordPolicy
from usercore.users.emails import clean_email
from usercore.users.fields import ATTRIBUTES, CLEAN, UserFields, types_of
from usercore.users.identifiers import SLOTS, claims_for, clean_slots
from usercore.users.keys import KeySpace, KeyUse, host_id
from usercore.users.model import EmailPolicy
from usercore.users.usernames import clean_username

_SLOT_FIELDS: Final = tuple((slot, f"access_id_{slot}") for slot in range(1, SLOTS + 1))

_INSTANT: Final = re.compile(
    r"\d{4}-?[01]\d-?[0-3]\d[Tt ](?:[01]\d|2[0-3])(?::?[0-5]\d(?::?[0-5]\d(?:[.,]\d{1,9})?)?)?"
    r"([Zz]|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?"
)
"""Source: ISO 8601-1, 5.4, of which RFC 3339 is a part; PostgreSQL, 8.5.2 (a blank, and zones in hours or seconds)."""

_NAME_BYTES: Final = 64
"""How much an error shows of the name of an unknown field."""


class Identifiers(TypedDict, total=False):
    """What a record has besides own fields: identifiers, and what comes from another system."""

    id: int | None
    email: str | None
    email_verified: bool
    username: str | None
    external_id: str | None
    access_ids: dict[int, str | None]
    access_id_1: str | None
    access_id_2: str | None
    access_id_3: str | None
    access_id_4: str | None
    uuid: UUID | None
    created_at: datetime | None
    password_hash: str | None


class Given(Identifiers, UserFields, total=False):
    """A record as it is written. What is left out stays as it is.

    None empties, but for ``id``, ``created_at`` and ``password_hash``.
    """


@entity
class ImportRecord:
    """A cleaned record about one user. Fields that it leaves out are ``UNSET``.

    ``fields`` are the user's own fields that it contains, ``slots`` the access ids, and ``claims`` the keys it needs.
    """

    id: UserId | None
    email: str | None | Unset
    email_verified: bool | Unset
    username: str | None | Unset
    external_id: str | None | Unset
    slots: Mapping[int, str | None]
    uuid: UUID | None | Unset
    created_at: datetime | None
    password_hash: str | None = attrs.field(repr=False)
    fields: Mapping[str, Any]
    claims: Mapping[tuple[KeySpace, str], KeyUse]


@frozen(kw_only=True)
class RecordRules:
    """What the values of records are checked by. ``problem_of`` returns why a password hash cannot be verified."""

    emails: EmailPolicy = EmailPolicy()
    problem_of: Callable[[str], str | None] = partial(hash_problem, policy=PasswordPolicy())


DEFAULT_RULES: Final = RecordRules()


def clean_record(values: Mapping[str, object], rules: RecordRules = DEFAULT_RULES) -> ImportRecord:
    """Check and normalise the values of a record.

    Raises:
        Invalid: every error, by field: those of the field's own rule, ``wrong_type`` and ``unknown_field``; else
            ``no_identifier`` (neither an id of any kind, email, username nor uuid) or ``given_twice`` (all access ids,
            and one by one).
    """
    problem = _hash_problem(values.get("password_hash"), rules.problem_of)
    try:
        given: Given = _structure_for(rules.emails)(dict(values), Given)
    except ClassValidationError as errors:
        raise Invalid((*_faults_of(errors), *problem)) from None
    if problem:
        raise Invalid(problem)
    record = _record_of(given, _slots_of(given))
    if record.id is None and not record.claims:
        refuse("record", "no_identifier")
    return record


def _hash_problem(value: object, problem_of: Callable[[str], str | None]) -> tuple[FieldError, ...]:
    text = check_type(value, str, name="password_hash") if isinstance(value, str) else ""
    reason = problem_of(text) if _is_hash(text) else None
    return () if reason is None else (FieldError("password_hash", reason),)


def _is_hash(text: str) -> bool:
    """Return False for no password: an empty text, or one that Django's ``set_unusable_password`` wrote."""
    return not is_blank(text) and not text.startswith("!")


def _record_of(given: Given, slots: Mapping[int, str | None]) -> ImportRecord:
    claims = claims_for(
        email=given.get("email"),
        username=given.get("username"),
        external_id=given.get("external_id"),
        access_ids=[slots.get(slot) for slot, _ in _SLOT_FIELDS],
        supplied_uuid=given.get("uuid"),
    )
    number = given.get("id")
    return ImportRecord(
        id=None if number is None else UserId(number),
        email=given.get("email", UNSET),
        email_verified=given.get("email_verified", UNSET),
        username=given.get("username", UNSET),
        external_id=given.get("external_id", UNSET),
        slots=slots,
        uuid=given.get("uuid", UNSET),
        created_at=given.get("created_at"),
        password_hash=given.get("password_hash"),
        fields={ATTRIBUTES[name]: value for name, value in given.items() if name in ATTRIBUTES},
        claims=claims,
    )


def _slots_of(given: Given) -> Mapping[int, str | None]:
    slots: dict[int, str | None] = {slot: given[name] for slot, name in _SLOT_FIELDS if name in given}  # type: ignore[literal-required]
    if "access_ids" not in given:
        return slots
    if slots:
        refuse("access_ids", "given_twice")
    return given["access_ids"]


def _faults_of(errors: ClassValidationError) -> Iterator[FieldError]:
    noted, others = errors.group_exceptions()
    for error, note in noted:
        yield from error.errors if isinstance(error, Invalid) else [FieldError(note.name, "wrong_type")]
    for error in others:
        if isinstance(error, ForbiddenExtraKeysError):
            yield from (
                FieldError(printable_prefix(name, _NAME_BYTES), "unknown_field")
                for name in sorted(map(str, error.extra_fields))
            )


def _clean_id(value: object) -> int:
    number = check_type(value, int, name="id")
    if not 0 < number < LIMIT:
        refuse("id", "out_of_range")
    return number


def _clean_username(value: object) -> str:
    # The user's email may become known only later; a username with an @ is compared with it then.
    email = value if isinstance(value, str) and "@" in value else None
    return clean_username(value, email=email)


def _clean_uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return plain_uuid(value)
    text = check_type(value, str, name="uuid")
    try:
        uuid = UUID(text)
    except ValueError:
        refuse("uuid", "malformed")
    if str(uuid) != text.lower():  # the constructor accepts braces and misplaced hyphens, too
        refuse("uuid", "malformed")
    return uuid


def _clean_instant(value: object) -> datetime:
    instant = _read_instant(value) if isinstance(value, str) else value
    return clean_instant(instant, field="created_at")


def instant_in(text: str, zone: tzinfo) -> object:
    """Return the instant that a text without a zone means in ``zone``; any other text as it is."""
    match = _INSTANT.fullmatch(text)
    if match is None or match[1] is not None:
        return text
    try:
        return datetime.fromisoformat(text.upper()).replace(tzinfo=zone)
    except ValueError:
        return text


def _read_instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        refuse("created_at", "malformed")
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        refuse("created_at", "malformed")


def _clean_hash(value: object) -> str | None:
    text = check_type(value, str, name="password_hash")
    return text if _is_hash(text) else None


def _clean_flag(field: str) -> Callable[[object], bool]:
    return lambda value: value is not None and check_type(value, bool, name=field)


def _clean_own(name: str, clean: Callable[[object], object]) -> Callable[[object], object]:
    """Return what cleans an own field; None empties a flag, too, as a record has no other way to say so."""
    return _clean_flag(name) if bool in types_of(name) else clean


def _clean_access_ids(value: object) -> dict[int, str | None]:
    return dict.fromkeys(range(1, SLOTS + 1)) if value is None else clean_slots(value)


Hook = Callable[[object, type], object]
"""Called by cattrs with the value and its declared type."""


def _as_it_is(clean: Callable[[object], object]) -> Hook:
    return lambda value, _: clean(value)


def _or_none(clean: Callable[[object], object]) -> Hook:
    return lambda value, _: None if value is None else clean(value)


def _or_empty(clean: Callable[[object], object]) -> Hook:
    return lambda value, _: None if is_blank(value) else clean(value)


_HOOKS: Final[Mapping[str, Hook]] = {
    "id": _or_none(_clean_id),
    "email": _or_empty(clean_email),
    "email_verified": _as_it_is(_clean_flag("email_verified")),
    "username": _or_empty(_clean_username),
    "external_id": _or_none(partial(host_id, field="external_id")),
    "access_ids": _as_it_is(_clean_access_ids),
    **{name: _or_none(partial(host_id, field=name)) for _, name in _SLOT_FIELDS},
    "uuid": _or_empty(_clean_uuid),
    "created_at": _or_empty(_clean_instant),
    "password_hash": _or_none(_clean_hash),
    **{name: _as_it_is(_clean_own(name, clean)) for name, clean in CLEAN.items()},
}

FIELDS: Final = frozenset(_HOOKS)
"""The names of the fields that a record may have."""


@lru_cache(maxsize=8)  # compiling takes milliseconds, and a process usually has one policy
def _structure_for(policy: EmailPolicy) -> Callable[[dict[str, Any], Any], Given]:
    hooks = {**_HOOKS, "email": _or_empty(partial(clean_email, policy=policy))}
    overrides: dict[str, Any] = {name: override(struct_hook=hook) for name, hook in hooks.items()}
    return make_dict_structure_fn(Given, Converter(forbid_extra_keys=True), **overrides)
