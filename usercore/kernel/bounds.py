"""Bounds: a policy declares the type and the range of each of its fields once, beside its default.

A value outside them is refused when the policy is made, with the name of the field. The bounds are data, so tests and
references read them from the fields.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import attrs

from usercore.kernel.errors import Invalid
from usercore.kernel.text import check_text, check_type
from usercore.kernel.values import frozen

T = TypeVar("T")

LONGEST: Final = timedelta(days=36_500)
"""The longest lifetime: a hundred years. Source: usercore, so that a lifetime that begins now ends before 2242."""

TEXT_LIMIT: Final = 255
"""The most characters of a text in a policy. Source: usercore, as the names of authenticators."""


@frozen
class Between:
    """Checks that a number or a timedelta has exactly the declared type and lies in ``least`` to ``most``."""

    kind: type
    least: Any
    most: Any
    unit: str

    def __call__(self, instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        """Check a value.

        Raises:
            TypeError: it has another type; a bool is not a number.
            ValueError: it lies outside the range, or is not a number at all (NaN).
        """
        name = name_of(instance, field)
        check_type(value, self.kind, name=name)
        if not self.least <= cast("Any", value) <= self.most:
            msg = f"{name} must be {self.least} to {self.most}{self.unit and f' {self.unit}'}, not {value}"
            raise ValueError(msg)


@frozen
class OneLine:
    """Checks that a value is one line of printable text."""

    most: int = TEXT_LIMIT

    def __call__(self, instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        """Check a value.

        Raises:
            TypeError: it is not text.
            ValueError: it is empty, too long, or has a line end or another character that cannot be shown.
        """
        name = name_of(instance, field)
        check_line(value, name=name, most=self.most)


@frozen
class InstanceOf:
    """Checks that a value is an instance of a class."""

    kind: type

    def __call__(self, instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        """Check a value.

        Raises:
            TypeError: it has another type.
        """
        check_type(value, self.kind, name=name_of(instance, field))


@frozen
class Each:
    """Checks a tuple or frozenset of values of one class, and each value with ``check`` if it is given."""

    collection: type
    kind: type
    check: Callable[[Any, str], None] | None = None

    def __call__(self, instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        """Check a collection and its values.

        Raises:
            TypeError: it is another collection, or a value has another type.
            ValueError: ``check`` refuses a value.
        """
        name = name_of(instance, field)
        for one in cast("Any", check_type(value, self.collection, name=name)):
            check_type(one, self.kind, name=f"each of {name}")
            if self.check is not None:
                self.check(one, name)


def whole(default: int, *, least: int, most: int, unit: str) -> int:
    """Declare an int from ``least`` to ``most``."""
    return _field(default, Between(int, least, most, unit))


def span(default: timedelta, *, least: timedelta, most: timedelta = LONGEST) -> timedelta:
    """Declare a timedelta from ``least`` to ``most``."""
    return _field(default, Between(timedelta, least, most, ""))


def optional_span(*, least: timedelta, most: timedelta = LONGEST) -> timedelta | None:
    """Declare a timedelta from ``least`` to ``most``, or None, which is the default."""
    return attrs.field(default=None, validator=attrs.validators.optional(Between(timedelta, least, most, "")))


def one_line(default: str, *, most: int = TEXT_LIMIT) -> str:
    """Declare a text of one line, 1 to ``most`` characters."""
    return _field(default, OneLine(most))


def part(default: T) -> T:
    """Declare a value of the default's class."""
    return _field(default, InstanceOf(type(default)))


def optional_part(kind: type[T]) -> T | None:
    """Declare a value of a class, or None, which is the default."""
    return attrs.field(default=None, validator=attrs.validators.optional(InstanceOf(kind)))


def each(default: T, kind: type, check: Callable[[Any, str], None] | None = None) -> T:
    """Declare a tuple or frozenset, as the default is, of values of one class."""
    return _field(default, Each(type(default), kind, check))


def _field(default: T, bound: Callable[[Any, Any, Any], None]) -> T:
    return attrs.field(default=default, validator=bound)


def name_of(instance: object, field: "attrs.Attribute[Any]") -> str:
    """Return the name of a field with its class, as messages show it."""
    return f"{type(instance).__name__}.{field.name}"


def check_line(value: object, *, name: str, most: int = TEXT_LIMIT) -> str:
    """Return ``value`` if it is one line of printable text.

    Raises:
        TypeError: it is not text.
        ValueError: it is empty, too long, or has a line end or another character that cannot be shown.
    """
    try:
        check_text(value, field=name, most=most)
    except Invalid as refusal:
        msg = f"{name} must be one line of text that can be shown, 1 to {most} characters: {refusal.errors[0].reason}"
        raise ValueError(msg) from None
    text = cast("str", value)
    if not text or text.isspace():
        msg = f"{name} must not be empty"
        raise ValueError(msg)
    return text


def check_order(instance: object, smaller: str, larger: str) -> None:
    """Check that the field ``smaller`` is not larger than the field ``larger``.

    Raises:
        ValueError: it is larger.
    """
    if getattr(instance, smaller) > getattr(instance, larger):
        name = type(instance).__name__
        msg = f"{name}.{smaller} must not be larger than {name}.{larger}"
        raise ValueError(msg)
