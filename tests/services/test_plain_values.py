"""Arguments may be of subclasses; values that are stored and returned are of plain types, on every storage."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any, Self
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import AccessId, Actor, Email, ExternalId, Host, UserCore
from usercore.kernel.time import check_instant, to_micros
from usercore.storage import Storage
from usercore.testing import NOON, FakeClock, FakeRandomness
from usercore.testing.strategies import instants
from usercore_storage.memory import MemoryStorage


class NanoInstant(datetime):
    """An instant like those of some libraries: with nanoseconds, and its own arithmetic and string forms."""

    nanosecond = 789

    def __sub__(self, other: Any) -> Any:
        return super().__sub__(other) + timedelta(microseconds=1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NanoInstant) and super().__eq__(other)

    __hash__ = datetime.__hash__

    def astimezone(self, tz: Any = None) -> Self:  # noqa: ARG002 - as the base has it
        return self

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        return f"{super().isoformat(sep, timespec)}!"

    @classmethod
    def of(cls, at: datetime) -> "NanoInstant":
        return cls.combine(at.date(), at.timetz())


class Text(str):
    """Text with its own methods."""

    __slots__ = ()

    def __str__(self) -> str:
        return "other"

    def strip(self, characters: str | None = None, /) -> str:  # noqa: ARG002 - as the base has it
        return self

    def __getitem__(self, key: Any) -> str:
        return self


class Number(int):
    """A number with its own string form."""

    def __str__(self) -> str:
        return "other"


class Id(UUID):
    """A UUID with its own string form."""

    def __str__(self) -> str:
        return "other"


PLAIN = (int, str, bytes, bool, datetime, UUID, type(None))


def strange(value: object) -> Iterator[object]:
    """Iterate over the parts of an entity that are of a subclass of a plain type."""
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):  # type: ignore[arg-type]  # any entity
            yield from strange(getattr(value, field.name))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from strange(part)
    elif isinstance(value, dict):
        yield from strange([*value, *value.values()])
    elif not isinstance(value, Enum) and isinstance(value, PLAIN) and type(value) not in PLAIN:
        yield value


@given(instants())
def test_an_instant_of_a_subclass_becomes_a_plain_datetime(at: datetime) -> None:
    checked = check_instant(NanoInstant.of(at), name="at")
    assert (type(checked), checked, checked.tzinfo) == (datetime, at, UTC)
    assert to_micros(checked) == to_micros(at)


@pytest.mark.parametrize("at", [datetime.min, datetime.max])  # noqa: DTZ901 - it gets a zone below
@pytest.mark.parametrize("hours", [-14, 14])
def test_an_instant_at_the_end_of_the_calendar_is_out_of_range(at: datetime, hours: int) -> None:
    with pytest.raises(ValueError, match="between 1900 and 2242"):
        check_instant(at.replace(tzinfo=timezone(timedelta(hours=hours))), name="at")


def stored(core: UserCore) -> Iterator[object]:
    """Iterate over all values that a core returns about its one user and its tenants."""
    user = core.users.get(Email("ann@example.com"))
    yield from [user, core.tenant("system").tenants.list(), core.access_tokens.list(user.id)]
    yield from [core.history.of_user(user.id), core.history.attempts(user.id), core.users.preferences(user.id)]


def over(storage: Storage) -> UserCore:
    """Return a core over a storage, with a clock and randomness that repeat."""
    return UserCore.over(storage, Host(clock=FakeClock(), randomness=FakeRandomness()))


def fill(core: UserCore, plain: Callable[[Any], Any]) -> UserCore:
    """Call methods of a core with values that ``plain`` returned."""
    core.tenant("system").tenants.create(plain("acme"), plain("Acme"), time_zone=plain("Europe/Berlin"))
    bound = core.bind(ip=plain("192.0.2.7"), user_agent=plain("Browser"), source=plain("shop"))
    record = {
        "email": "ann@example.com",
        "external_id": "K-1",
        "id": 77,
        "uuid": UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
        "created_at": NOON,
        "access_ids": {1: "a-1"},
        "note": "x" * 100,
        "data_offset_minutes": 15,
        "date_format": "DD/MM/YYYY",
    }
    records = [{plain(name): plain(value) for name, value in record.items()}]
    assert bound.registration.import_users(records).bad_count == 0
    assert bound.registration.import_users(records).unchanged == 1
    user_id = plain(77)
    bound.users.update(user_id, first_name=plain("Ann"), timestamp_offset_minutes=plain(30))
    bound.users.set_access_ids(ExternalId(plain("K-1")), {plain(2): plain(12), plain(3): plain("c")})
    bound.bind(actor=Actor.user(user_id)).emails.change(AccessId(plain("c")), plain("ann@example.com"))
    bound.sign_in.trusted(user_id, source=plain("desk"))
    return core


def made(value: Any) -> Any:
    """Return a value as one of a subclass."""
    kinds: dict[type, Callable[[Any], Any]] = {
        str: Text,
        int: Number,
        datetime: NanoInstant.of,
        UUID: lambda uuid: Id(int=uuid.int),
        dict: lambda items: {made(key): made(item) for key, item in items.items()},
    }
    return kinds[type(value)](value)


@pytest.mark.rule("R7")
def test_entities_hold_plain_values_if_arguments_are_of_subclasses(kept_in: Storage) -> None:
    strange_core, plain_core = fill(over(kept_in), made), fill(over(MemoryStorage()), lambda value: value)
    assert list(strange(list(stored(strange_core)))) == []
    assert strange_core.users.get(77) == plain_core.users.get(77)


@pytest.mark.rule("R7")
@given(st.text("ab \u00e9", min_size=1), st.integers(-840, 840).map(lambda minutes: minutes // 15 * 15), instants())
def test_an_imported_user_is_the_same_whether_its_values_are_plain_or_not(text: str, number: int, at: datetime) -> None:
    record = {"external_id": "K-1", "note": text, "data_offset_minutes": number, "created_at": at}
    cores = [over(MemoryStorage()) for _ in range(2)]
    cores[0].registration.import_users([record])
    cores[1].registration.import_users([{name: made(value) for name, value in record.items()}])
    users = [core.users.get(ExternalId("K-1")) for core in cores]
    assert users[0] == users[1]
    assert list(strange(users)) == []


@pytest.mark.rule("R7")
def test_entities_hold_plain_instants_if_the_clock_returns_a_subclass() -> None:
    core = UserCore.over(MemoryStorage(), Host(clock=lambda: NanoInstant.of(NOON)))
    assert list(strange(list(stored(fill(core, lambda value: value))))) == []
