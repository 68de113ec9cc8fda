"""The report of a repair. Like findings, repairs name rows by their keys and never show personal data."""

from enum import StrEnum

from usercore.kernel.values import frozen
from usercore_storage.check_report import Report


class RepairKind(StrEnum):
    """What was done to a row."""

    CLAIMED = "claimed"
    """A key that a user needs was claimed for the user; no other user needed it."""

    CORRECTED = "corrected"
    """A user's own claim had other uses, or was damaged."""

    FREED = "freed"
    """A claim was removed whose holder does not exist or does not need it."""

    INDEXED = "indexed"
    """The words by which a user is found were stored again."""


@frozen(kw_only=True)
class Repair:
    """One repair. ``key`` names the row, as in ``Finding``."""

    kind: RepairKind
    table: str
    key: str


@frozen(kw_only=True)
class RepairReport:
    """The repairs of a store, or of a dry run, and the ``check`` of the store after them."""

    repairs: tuple[Repair, ...]
    check: Report
