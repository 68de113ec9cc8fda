"""Hypothesis strategies: texts of many scripts, hostile ones, and whole entities with all values that can be stored."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from types import UnionType
from typing import Any, Final, NewType, TypeVar, Union, get_args, get_origin
from unicodedata import normalize
from uuid import UUID

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from usercore.attempts.model import Attempt, RegistrationAttempt
from usercore.history.model import Entry
from usercore.kernel.context import MAIN, clean_user_agent
from usercore.kernel.ids import LIMIT, TenantId
from usercore.kernel.secret import Digest
from usercore.kernel.text import DIRECTION_MARKS
from usercore.kernel.time import FIRST, LAST
from usercore.outbox.model import Delivery
from usercore.passwords.model import Credential
from usercore.roles.model import Role, RoleAssignment
from usercore.tenants.model import Tenant
from usercore.testing.fakes import TICK
from usercore.throttling.model import FailureCounter, RateLimitWindow
from usercore.tokens.model import AccessToken, ApiToken, DeviceToken, LimitedUseToken, RegistrationLink
from usercore.users.emails import clean_email
from usercore.users.model import Claim, User

E = TypeVar("E")

_SCRIPTS: Final = (
    "abcxyzABCXYZ",
    "áčďéžşğıİßæøñ",
    "αβγδεςΆΩ",
    "абвгдёжЯЩ",
    "אבגדה",
    "ابتثجحخ",
    "अआइकखग",
    "กขคงจ",
    "ა\u10d1გდ",
    "한국어서울",
    "漢字中文東京",
    "ひらがなカタカナ",
)
"""Characters that are used together in one script, with some that fold or lower-case in odd ways."""

_DOMAINS: Final = (
    "example.com",
    "EXAMPLE.org",
    "mail.example.co.uk",
    "xn--bcher-kva.example.com",
    "bücher.example.com",
    "почта.example.net",
    "例え.example.jp",
    "a.b.c.d.example.com",
)

_SIGNS: Final = "0123456789_-'!#$%&*/=?^`{|}~"
_LOCAL_ALPHABETS: Final = ("abcdefghijklmnopqrstuvwxyzABCXYZ" + _SIGNS, *(script + _SIGNS for script in _SCRIPTS))


def names() -> SearchStrategy[str]:
    """Names of people in many scripts, as they are stored: NFC, no white space at the ends."""
    words = st.sampled_from(_SCRIPTS).flatmap(lambda script: st.text(script, min_size=1, max_size=12))
    joined = st.tuples(st.sampled_from(" -'\u2019."), st.lists(words, min_size=1, max_size=3))
    return joined.map(lambda parts: normalize("NFC", parts[0].join(parts[1])))


def emails() -> SearchStrategy[str]:
    """Valid emails as people type them: plus addresses, dots, capitals, other scripts, IDN domains."""
    words = st.sampled_from(_LOCAL_ALPHABETS).flatmap(lambda letters: st.text(letters, min_size=1, max_size=6))
    mailbox = st.sampled_from(_LOCAL_ALPHABETS).flatmap(
        lambda letters: st.lists(st.text(letters, min_size=1, max_size=6), min_size=1, max_size=3)
    )
    dotted = mailbox.map(".".join)
    local = st.one_of(dotted, st.tuples(dotted, words).map("+".join)).filter(lambda text: len(text.encode()) <= 64)
    return st.tuples(local, st.sampled_from(_DOMAINS)).map("@".join)


def usernames() -> SearchStrategy[str]:
    """Usernames that are accepted: letters of one script, digits and ``. _ -``."""
    return st.sampled_from(_SCRIPTS).flatmap(lambda script: st.text(script + "0123456789._-", min_size=1, max_size=30))


def host_ids() -> SearchStrategy[str]:
    """Ids of a host's system: 1 to 255 characters that are stored exactly, leading zeros included."""
    text = st.text("0123456789abcXYZ-/: ößк東😀", min_size=1, max_size=255)
    return st.one_of(st.just("0042"), text).map(str.strip).filter(bool)


def instants() -> SearchStrategy[datetime]:
    """Instants that can be stored: whole microseconds from 1900 to 2242, in UTC."""
    first, last = (at.replace(tzinfo=None) for at in (FIRST, LAST - TICK))
    return st.datetimes(first, last, timezones=st.just(UTC))


def user_agents() -> SearchStrategy[str]:
    """User agents: common ones, or any text."""
    usual = ("curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "", "x" * 5000)
    return st.one_of(st.sampled_from(usual), hostile_text())


def hostile_text() -> SearchStrategy[str]:
    """Text that an attacker might send."""
    marked = st.sampled_from(
        ("\0", "\ud800", "\udfff", "\x1b[2J", "\r\n", "\u2028", "\u200b", *sorted(DIRECTION_MARKS))
    )
    inside = st.tuples(st.text(max_size=5), marked, st.text(max_size=5)).map("".join)
    known = st.sampled_from(
        ("", " ", "' OR 1=1 --", "%s%n", "{secret}", '"}', "$(id)", "\uffff", "\U0010ffff", "İ", "ﷺ")
    )
    long = st.sampled_from(("a" * 100_000, "e" + "\u0301" * 5000, "😀" * 20_000, "\u0344" * 3000))
    return st.one_of(inside, known, long, st.text())


def storable_text() -> SearchStrategy[str]:
    """Any text that can be stored: all of Unicode but NUL, other controls and lone surrogates."""
    return st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=40)


def ids() -> SearchStrategy[int]:
    """Ids: positive, below 2^53."""
    return st.integers(1, LIMIT - 1)


_NUMBERS: Final = st.integers(0, LIMIT - 1)
_OFFSETS: Final = st.integers(-56, 56).map(lambda quarters: quarters * 15)

_BY_NAME: Final[Mapping[str, SearchStrategy[Any]]] = {
    "id": ids(),
    "subject_id": ids(),
    "holder_id": ids(),
    "email": emails().map(clean_email),
    "username": usernames(),
    "external_id": host_ids(),
    "first_name": names(),
    "last_name": names(),
    "user_agent": user_agents().map(clean_user_agent),
    "ip": st.ip_addresses().map(str),
    "timestamp_offset_minutes": _OFFSETS,
    "data_offset_minutes": _OFFSETS,
}
"""Fields that their type does not describe completely; others are drawn by their type."""

_BY_TYPE: Final[Mapping[object, SearchStrategy[Any]]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: _NUMBERS,
    str: storable_text(),
    bytes: st.binary(min_size=32, max_size=32),
    datetime: instants(),
    date: st.dates(FIRST.date(), (LAST - TICK).date()),
    UUID: st.uuids(),
    Digest: st.binary(min_size=32, max_size=32),
    TenantId: st.just(MAIN),
}
"""What is drawn for a type; a type of ids that is not here gets any id."""


def entities(kind: type[E], **fields: SearchStrategy[Any]) -> SearchStrategy[E]:
    """Whole entities: each field as ``fields`` says, else by its name, else by its type; tenants are ``main``."""
    others = [field for field in attrs.fields(kind) if field.name not in fields]  # type: ignore[arg-type]  # mypy does not see an attrs class
    return st.builds(kind, **{field.name: _by_field(field.name, field.type) for field in others}, **fields)


def _by_field(name: str, kind: object) -> SearchStrategy[Any]:
    if name not in _BY_NAME:
        return _by_type(kind)
    return _BY_NAME[name] if type(None) not in get_args(kind) else st.one_of(st.none(), _BY_NAME[name])


def _by_type(kind: object) -> SearchStrategy[Any]:
    if get_origin(kind) in (Union, UnionType):
        return st.one_of(*map(_by_type, get_args(kind)))
    if get_origin(kind) is tuple:
        first, *others = get_args(kind)
        if others == [Ellipsis]:
            return st.lists(_by_type(first), max_size=5).map(tuple)
        return st.tuples(*map(_by_type, (first, *others)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and attrs.has(kind):
        return entities(kind)
    return ids() if isinstance(kind, NewType) and kind not in _BY_TYPE else _BY_TYPE[kind]


def users(**fields: SearchStrategy[Any]) -> SearchStrategy[User]:
    """Whole users."""
    return entities(User, **fields)


def claims(**fields: SearchStrategy[Any]) -> SearchStrategy[Claim]:
    """Whole claims."""
    return entities(Claim, **fields)


def tenants(**fields: SearchStrategy[Any]) -> SearchStrategy[Tenant]:
    """Whole tenants."""
    return entities(Tenant, **fields)


def roles(**fields: SearchStrategy[Any]) -> SearchStrategy[Role]:
    """Whole roles."""
    return entities(Role, **fields)


def role_assignments(**fields: SearchStrategy[Any]) -> SearchStrategy[RoleAssignment]:
    """Whole role assignments."""
    return entities(RoleAssignment, **fields)


def credentials(**fields: SearchStrategy[Any]) -> SearchStrategy[Credential]:
    """Whole credentials."""
    return entities(Credential, **fields)


def access_tokens(**fields: SearchStrategy[Any]) -> SearchStrategy[AccessToken]:
    """Whole access tokens."""
    return entities(AccessToken, **fields)


def device_tokens(**fields: SearchStrategy[Any]) -> SearchStrategy[DeviceToken]:
    """Whole device tokens."""
    return entities(DeviceToken, **fields)


def limited_use_tokens(**fields: SearchStrategy[Any]) -> SearchStrategy[LimitedUseToken]:
    """Whole limited-use tokens."""
    return entities(LimitedUseToken, **fields)


def api_tokens(**fields: SearchStrategy[Any]) -> SearchStrategy[ApiToken]:
    """Whole API tokens."""
    return entities(ApiToken, **fields)


def registration_links(**fields: SearchStrategy[Any]) -> SearchStrategy[RegistrationLink]:
    """Whole registration links."""
    return entities(RegistrationLink, **fields)


def attempts(**fields: SearchStrategy[Any]) -> SearchStrategy[Attempt]:
    """Whole attempts to sign in."""
    return entities(Attempt, **fields)


def registration_attempts(**fields: SearchStrategy[Any]) -> SearchStrategy[RegistrationAttempt]:
    """Whole attempts to register."""
    return entities(RegistrationAttempt, **fields)


def failure_counters(**fields: SearchStrategy[Any]) -> SearchStrategy[FailureCounter]:
    """Whole failure counters."""
    return entities(FailureCounter, **fields)


def rate_limits(**fields: SearchStrategy[Any]) -> SearchStrategy[RateLimitWindow]:
    """Whole rate limit windows."""
    return entities(RateLimitWindow, **fields)


def entries(**fields: SearchStrategy[Any]) -> SearchStrategy[Entry]:
    """Whole entries of history."""
    return entities(Entry, **fields)


def deliveries(**fields: SearchStrategy[Any]) -> SearchStrategy[Delivery]:
    """Whole deliveries."""
    return entities(Delivery, **fields)
