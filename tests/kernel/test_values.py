"""A value behaves as a frozen attrs class does, although it shares its methods."""

import copy
import pickle
from typing import Generic, TypeVar

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

from usercore.kernel.values import frozen

T = TypeVar("T")


@frozen
class Pair(Generic[T]):
    left: T
    right: T
    hidden: str = attrs.field(default="none", repr=False)
    beside: int = attrs.field(default=0, eq=False)


@frozen(kw_only=True)
class Named:
    name: str


@frozen(kw_only=True)
class Titled(Named):
    title: str = "Dr"


@frozen
class Loud:
    name: str

    def __repr__(self) -> str:
        return self.name.upper()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loud) and self.name.upper() == other.name.upper()

    def __hash__(self) -> int:
        return hash(self.name.upper())


def test_values_of_one_class_and_content_are_equal() -> None:
    assert Pair(1, 2) == Pair(1, 2, beside=3)
    assert hash(Pair(1, 2)) == hash(Pair(1, 2, beside=3))
    assert Pair(1, 2) != Pair(1, 3)
    assert Pair(1, 2) != Pair(1, 2, "other")
    assert {Pair(1, 2), Pair(1, 2)} == {Pair(1, 2)}
    assert Named(name="Ann") == Named(name="Ann") != Named(name="Bob")


def test_values_of_different_classes_are_not_equal() -> None:
    assert Titled(name="Ann") != Named(name="Ann")
    assert Pair(1, 2).__eq__((1, 2)) is NotImplemented


def test_a_value_with_an_unhashable_field_is_unhashable() -> None:
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(Pair([1], [2]))


def test_the_repr_of_a_value_has_its_fields_except_the_hidden_ones() -> None:
    @frozen
    class Inner:
        number: int

    assert repr(Pair(1, "b")) == "Pair(left=1, right='b', beside=0)"
    assert repr(Titled(name="Ann")) == "Titled(name='Ann', title='Dr')"
    assert repr(Inner(1)) == "Inner(number=1)"


def test_methods_that_a_value_defines_are_not_replaced() -> None:
    assert Loud("ann") == Loud("ANN")
    assert hash(Loud("ann")) == hash(Loud("ANN"))
    assert repr(Loud("ann")) == "ANN"


def test_a_value_is_frozen_and_has_no_dict() -> None:
    with pytest.raises(FrozenInstanceError):
        Named(name="Ann").name = "Bob"  # type: ignore[misc]
    assert not hasattr(Named(name="Ann"), "__dict__")


def test_a_value_can_be_copied_and_pickled() -> None:
    titled = Titled(name="Ann")
    assert copy.copy(titled) == copy.deepcopy(titled) == pickle.loads(pickle.dumps(titled)) == titled  # noqa: S301 - its own
    assert attrs.evolve(titled, title="Prof") == Titled(name="Ann", title="Prof")


def test_attrs_recognises_a_value() -> None:
    assert attrs.asdict(Titled(name="Ann")) == {"name": "Ann", "title": "Dr"}
    assert attrs.has(Titled)
