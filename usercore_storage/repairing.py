"""Repair a store: ``usercore_storage.repair(url)``. An engine is imported only when a URL names it."""

from collections.abc import Callable, Iterator
from typing import Final

from usercore.kernel.time import system_clock
from usercore_storage.checking import check
from usercore_storage.copies.side import Side
from usercore_storage.copying import opened
from usercore_storage.repair_report import Repair, RepairReport
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.repairing import Repairer, name_of, suspects
from usercore_storage.sql.tables import CLAIMS, USERS

Progress = Callable[[int], object]


def repair(url: str, *, dry_run: bool = False, on_progress: Progress | None = None) -> RepairReport:
    """Repair what a check finds between users, their claims and their words; then check the store.

    Claims whose holder does not exist or does not need them are removed, and keys that users need and no other user
    does are claimed. What is left is in the report: above all a key that two users need. A ``dry_run`` changes nothing.
    The store may be in use: each user is repaired in a transaction of its own. A claim for a user whose id is younger
    than an hour stays. ``on_progress`` is called after each repair with their number.

    Raises:
        TypeError: the URL is not text.
        ValueError: it is not the URL of a SQLite or PostgreSQL store.
        ImportError: the engine's driver is not installed.
        StorageError: the store cannot be used, or has another schema; its subclasses say why.
    """
    repairs: list[Repair] = []
    with opened("source", url) as side:
        for one in _repaired(side, dry_run=dry_run):
            repairs.append(one)
            if on_progress is not None:
                on_progress(len(repairs))
    return RepairReport(repairs=tuple(repairs), check=check(url))


def _repaired(side: Side, *, dry_run: bool) -> Iterator[Repair]:
    run_in: Final = side.read if dry_run else side.write

    def repairer(run: Executor) -> Repairer:
        return Repairer(run, dry_run=dry_run, now=system_clock())

    repaired = set[str]()
    for (user_id,) in suspects(side.read, USERS):
        repairs = run_in(lambda run, user_id=user_id: repairer(run).user(user_id))  # type: ignore[misc]  # the default binds it
        repaired |= {one.key for one in repairs}
        yield from repairs
    for tenant_id, digest in suspects(side.read, CLAIMS):
        if name_of(CLAIMS, (tenant_id, digest)) not in repaired:  # a dry run has not moved it to another user
            yield from run_in(lambda run, of=(tenant_id, digest): repairer(run).claim(*of))  # type: ignore[misc]  # as above
