"""How much of a long test the profile ``dev`` runs; CI and the nightly run do all of it."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from hypothesis import settings

T = TypeVar("T")

PROFILE: Final = os.environ.get("USERCORE_HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev")
"""The name of the profile that the environment selects."""

IS_THOROUGH: Final = PROFILE != "dev"
"""Whether all runs that CI runs."""

IS_NIGHTLY: Final = PROFILE in {"faults", "nightly"}
"""Whether all runs, also what repeats the contract on one more pretended server."""


def fewer(count: int, *, in_ci: int | None = None) -> int | None:
    """Return this number of examples or sequences in ``dev``, ``in_ci`` in CI, and None, which is all, at night."""
    if not IS_THOROUGH:
        return count
    return None if IS_NIGHTLY else in_ci


def few_examples(count: int) -> settings:
    """Return the settings of a property with this number of examples in ``dev``, and those of the profile elsewhere."""
    return settings() if IS_THOROUGH else settings(max_examples=count)


def some(values: Iterable[T], step: int, *, in_ci: int = 1) -> Iterator[T]:
    """Iterate over every ``step``-th value in ``dev``, every ``in_ci``-th in CI, and over all of them at night."""
    return islice(values, None, None, (1 if IS_NIGHTLY else in_ci) if IS_THOROUGH else step)
