"""Shared by several tests: the errors of a refused call, and all characters."""

import sys
from collections.abc import Callable, Iterator

import pytest

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


def characters() -> Iterator[str]:
    """Iterate over every code point of Unicode, assigned or not."""
    return map(chr, range(sys.maxunicode + 1))
