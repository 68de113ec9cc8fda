"""Samples of the service of statistics."""

from datetime import date
from typing import Final

from tests.samples import FilledStore, Samples, same


def fill(filled: FilledStore) -> None:
    """Count registrations."""
    filled.core.statistics.widgets()


SAMPLES: Final = Samples(
    fill=fill,
    arguments={"first": same(date(2026, 2, 1)), "last": same(date(2026, 2, 28))},
    nameless=frozenset({"statistics.registrations"}),  # see test_service.py
)
