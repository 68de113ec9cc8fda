"""The workloads: what is compared, how often, and what is to be reached. Source: performance goals of the project."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

import attrs

from benchmarks import registering, signing_in, starting
from benchmarks.measuring import Side
from benchmarks.stores import Stores

Opener = Callable[[Stores, int], AbstractContextManager[Mapping[str, Side]]]


@attrs.frozen(kw_only=True)
class Workload:
    """One thing that is measured. ``open`` gives its sides in stores with so many users.

    ``count`` operations of each side make a round; ``goal`` is the highest ratio of CPU to the raw side that is good
    enough; a ``durable`` one waits for the disk, so its wall time is shown, too.
    """

    id: str
    title: str
    open: Opener
    count: int
    goal: float
    durable: bool = False
    leaves_rows: bool = True
    of_size: bool = True
    """Whether the number of users matters."""

    def __str__(self) -> str:
        """Name it."""
        return f"{self.id} {self.title}"


ALL: Final = (
    Workload(
        id="W1",
        title="identify by an access token",
        open=signing_in.identify,
        count=4000,
        goal=1.5,
    ),
    Workload(
        id="W3",
        title="register an external user",
        open=registering.register_external,
        count=240,
        goal=1.4,
        durable=True,
    ),
    Workload(
        id="W4",
        title="import external users",
        open=registering.import_users,
        count=12_000,
        goal=1.5,
        durable=True,
    ),
    Workload(
        id="W5",
        title="issue a login token and redeem it",
        open=signing_in.log_in,
        count=240,
        goal=1.4,
        durable=True,
    ),
    Workload(
        id="W8",
        title="identify, in memory",
        open=signing_in.identify_in_memory,
        count=8000,
        goal=1.5,
        leaves_rows=False,
    ),
    Workload(
        id="W10a",
        title="import usercore",
        open=starting.import_usercore,
        count=4,
        goal=1.1,
        leaves_rows=False,
        of_size=False,
    ),
    Workload(
        id="W10b",
        title="open a store and identify once",
        open=starting.open_and_identify,
        count=20,
        goal=2.0,
    ),
)
