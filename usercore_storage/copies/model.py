"""What a copy tells while it runs and when it ends."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

from usercore.kernel.values import frozen


class CopyStep(StrEnum):
    """The steps of a copy, in their order. Only during the last one the source refuses writes."""

    COPY = "copy"
    """Rows are copied page by page, while changes of the source are logged."""

    INDEX = "index"
    """The target's indexes are made."""

    COMPARE = "compare"
    """Every row is read from both stores and compared."""

    CATCH_UP = "catch_up"
    """Rows that changed meanwhile are copied again."""

    LAST = "last"
    """The source is closed for writes, and what changed since is copied."""


@frozen(kw_only=True)
class CopyProgress:
    """How far a step has come: ``done`` of ``total`` rows, indexes or changes."""

    step: CopyStep
    done: int
    total: int


Progress = Callable[[CopyProgress], object]


@frozen(kw_only=True)
class CopyReport:
    """What a copy did. ``rows`` were copied and ``compared`` with their source in this run, ``changes`` copied again.

    ``waited`` is how long the last step waited for writers of the source before it could refuse others; ``closed`` is
    how long writes were refused until the target was complete, in which ``last_changes`` were copied. All three are
    zero if the copy ``is_finished`` already or not yet.
    """

    is_finished: bool
    rows: int = 0
    compared: int = 0
    changes: int = 0
    last_changes: int = 0
    waited: timedelta = timedelta(0)
    closed: timedelta = timedelta(0)
