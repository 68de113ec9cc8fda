"""Shared by several tests: the errors of a refused call, and all characters."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

import pytest

from tests.profiles import some
from usercore.kernel.errors import FieldError, Invalid


def faults_of(call: Callable[[], object]) -> tuple[FieldError, ...]:
    """Return the field errors that the call raises."""
    with pytest.raises(Invalid) as refusal:
        call()
    return refusal.value.errors


def fault_of(call: Callable[[], object]) -> FieldError:
    """Return the only field error that the call raises."""
    (fault,) = faults_of(call)
    return fault


ASSIGNED: Final = frozenset({0, 1, 2, 3, 14})
"""The planes of Unicode 14 with assigned characters."""


def characters() -> Iterator[str]:
    """Iterate over every code point of Unicode, assigned or not; in ``dev`` over some of those that cannot be assigned.

    Those of the planes 4 to 13 are not assigned, and those of 15 and 16 are for private use.
    """
    planes = ((number, range(number << 16, (number + 1) << 16)) for number in range(17))
    return map(chr, chain.from_iterable(some(plane, 1 if number in ASSIGNED else 255) for number, plane in planes))
