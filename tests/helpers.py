"""What several tests need: how a call refuses, and every character there is."""

import sys
from collections.abc import Callable, Iterator

import pytest

from usercore.kernel.errors import FieldError, Invalid


def faults_of(call: Callable[[], object]) -> tuple[FieldError, ...]:
    """Give the faults for which the call refuses."""
    with pytest.raises(Invalid) as refusal:
        call()
    return refusal.value.errors


def fault_of(call: Callable[[], object]) -> FieldError:
    """Give the one fault for which the call refuses."""
    (fault,) = faults_of(call)
    return fault


def characters() -> Iterator[str]:
    """Give every code point of Unicode, assigned or not."""
    return map(chr, range(sys.maxunicode + 1))
