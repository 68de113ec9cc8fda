"""Each field of each policy declares its type and range, and refuses everything else by its name."""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import usercore
from tests.kernel.finding import attrs_classes
from usercore import HashProfile, MailPolicy, Pepper, Policy, Unset
from usercore.kernel.bounds import Between, Each, InstanceOf, OneLine

POLICIES = [cls for cls in attrs_classes() if cls.__name__.endswith("Policy")]
MADE: dict[type, dict[str, Any]] = {
    HashProfile: {"name": "own", "memory_kib": 64, "passes": 1, "lanes": 1, "source": "a test"},
    Pepper: {"id": "p1", "key": b"x" * 16},
}
"""Arguments for the classes without defaults."""

BOUNDED = [(cls, field) for cls in (*POLICIES, HashProfile, Pepper) for field in attrs.fields(cls)]


def named(value: object) -> str:
    return f"{value[0].__name__}.{value[1].name}" if isinstance(value, tuple) else ""


def make(cls: type, **values: Any) -> object:
    return cls(**MADE.get(cls, {}) | values)


def far_values(bound: Between) -> Iterator[Any]:
    """Yield values just outside the range and far outside it, of the right type."""
    if bound.kind is timedelta:
        tick = timedelta(microseconds=1)
        yield from (bound.least - tick, bound.most + tick, timedelta.min, timedelta.max)
    else:
        yield from (bound.least - 1, bound.most + 1, -(10**40), 10**40)


def test_all_policies_are_found() -> None:
    assert {Policy, MailPolicy, *(type(getattr(Policy(), field.name)) for field in attrs.fields(Policy))} == set(
        POLICIES
    )


@pytest.mark.parametrize("of", BOUNDED, ids=named)
def test_every_field_of_a_policy_declares_its_type_and_range(of: "tuple[type, attrs.Attribute[Any]]") -> None:
    _, field = of
    assert isinstance(bound_of(field), Between | Each | OneLine | InstanceOf) or field.converter


WRONG: list[Any] = [None, True, "1", b"1", 1.5, math.nan, math.inf, 90, [], ("x", 1), {1}, frozenset({1}), object()]


def bound_of(field: "attrs.Attribute[Any]") -> object:
    """Return what checks a value of the field, if it is not None where that is allowed."""
    return getattr(field.validator, "validator", field.validator)


def is_of_its_type(field: "attrs.Attribute[Any]", value: object) -> bool:
    """Return whether a value may be in range: then it is for another test."""
    if value is None and bound_of(field) is not field.validator:
        return True
    if isinstance(field.validator, Between):
        return field.validator.kind is type(value)
    if isinstance(field.validator, InstanceOf) and type(value) is field.validator.kind:
        return True
    if isinstance(field.validator, Each) and field.converter:
        return value == []  # any collection is accepted, and an empty one has no item of a wrong type
    return isinstance(value, str if isinstance(field.validator, OneLine) else bytes if field.converter else Unset)


@pytest.mark.parametrize("of", BOUNDED, ids=named)
def test_a_value_of_a_wrong_type_is_refused_by_name(of: "tuple[type, attrs.Attribute[Any]]") -> None:
    cls, field = of
    sentence = f"{cls.__name__}.{field.name}"
    if field.converter:
        sentence = field.name if isinstance(field.validator, Each) else "a key must be"
    for wrong in WRONG:
        if not is_of_its_type(field, wrong):
            with pytest.raises(TypeError, match=sentence):
                make(cls, **{field.name: wrong})


@pytest.mark.parametrize(
    "of", [(cls, field) for cls, field in BOUNDED if isinstance(field.validator, Between)], ids=named
)
def test_a_number_out_of_range_is_refused_by_name(of: "tuple[type, attrs.Attribute[Any]]") -> None:
    cls, field = of
    assert isinstance(field.validator, Between)
    assert field.validator.kind in {int, timedelta}
    for value in far_values(field.validator):
        with pytest.raises(ValueError, match=f"{cls.__name__}.{field.name} must be"):
            make(cls, **{field.name: value})


@pytest.mark.parametrize(
    "of", [(cls, field) for cls, field in BOUNDED if isinstance(field.validator, OneLine)], ids=named
)
@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\0b", "\u202e", "\ud800", "x" * 256], ids=ascii)
def test_a_text_that_is_not_one_line_is_refused_by_name(of: "tuple[type, attrs.Attribute[Any]]", text: str) -> None:
    cls, field = of
    with pytest.raises(ValueError, match=f"{cls.__name__}.{field.name} must"):
        make(cls, **{field.name: text})


@given(st.integers(), st.integers(0, 1000), st.integers(0, 1000))
def test_a_number_is_accepted_exactly_within_its_range(value: int, least: int, width: int) -> None:
    @attrs.frozen
    class Holder:
        number: int = attrs.field(validator=Between(int, least, least + width, "things"))

    if least <= value <= least + width:
        assert Holder(value).number == value
    else:
        with pytest.raises(ValueError, match=f"Holder.number must be {least} to {least + width} things, not {value}"):
            Holder(value)


@given(st.floats())
def test_nan_is_in_no_range(value: float) -> None:
    @attrs.frozen
    class Holder:
        seconds: float = attrs.field(validator=Between(float, 0.0, 10.0, "seconds"))

    if 0 <= value <= 10:  # NaN is not
        assert Holder(value).seconds == value
    else:
        with pytest.raises(ValueError, match=r"Holder\.seconds"):
            Holder(value)


TOGETHER: list[tuple[Any, dict[str, Any], str]] = [
    (usercore.ThrottlePolicy, {"first_wait": timedelta(hours=1)}, "first_wait must not be larger"),
    (usercore.ThrottlePolicy, {"max_wait": timedelta(days=2)}, "max_wait must not be larger"),
    (usercore.ThrottlePolicy, {"failures_before_wait": 101}, "failures_before_wait must not be larger"),
    (usercore.DeliveryPolicy, {"first_pause": timedelta(hours=2)}, "first_pause must not be larger"),
    (usercore.PasswordPolicy, {"max_memory_kib": 8}, "profile must not demand more"),
    (usercore.PasswordPolicy, {"max_passes": 1}, "profile must not demand more"),
    (usercore.PasswordPolicy, {"profile": usercore.RFC_9106_LOW, "max_lanes": 3}, "profile must not demand more"),
    (HashProfile, {"memory_kib": 31, "lanes": 4}, "memory_kib must be 8 for each"),
]


@pytest.mark.parametrize(("cls", "values", "sentence"), TOGETHER)
def test_inconsistent_numbers_are_refused(cls: type, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make(cls, **values)


@pytest.mark.parametrize("domain", ["", "a@example.com", "a\nb"], ids=ascii)
def test_a_blocked_domain_that_is_invalid_in_an_email_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="blocked_domains must"):
        usercore.RegistrationPolicy(blocked_domains=frozenset({domain}))


def test_a_changed_copy_of_a_policy_is_checked_again() -> None:
    with pytest.raises(ValueError, match="hashes_at_once"):
        attrs.evolve(usercore.PasswordPolicy(), hashes_at_once=0)
