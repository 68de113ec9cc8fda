"""Runs all parts on a new store, and compares what they print with ``demo.expected``."""

import difflib
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import usercore
from examples.demo import accounts, izenda, plenigo, remp
from examples.demo.setting import EXAMPLES, KEY, LINKS, Demo, DemoClock, FooAuthenticator
from usercore import BadRecord, FolderMailer, MailPolicy, Policy, SecondFactorPolicy
from usercore.importing.files import read_csv

STORE: Final = EXAMPLES / "demo.db"
EXPECTED: Final = EXAMPLES / "demo.expected"


def import_customers(demo: Demo) -> Iterator[str]:
    """Import the customers twice."""
    yield "== Import examples/customers.csv =="
    bad: Sequence[BadRecord] = ()
    for run in ("first", "second"):
        with (EXAMPLES / "customers.csv").open("rb") as file:
            report = demo.core.registration.import_users(read_csv(file))
        yield (
            f"{run} run: {report.created} created, {report.updated} updated, {report.unchanged} unchanged,"
            f" {report.bad_count} bad"
        )
        bad = report.bad
    yield from (f"refused: {record}" for record in bad[:5])


PARTS: Final[list[Callable[[Demo], Iterator[str]]]] = [
    import_customers,
    plenigo.play,
    remp.play,
    izenda.play,
    accounts.play,
]
"""The parts in their order; a later one may use what an earlier one stored."""


def main(store: Path = STORE) -> int:
    """Run the demo on a new store and compare it with the expected output; return 0 if they agree."""
    for path in store.parent.glob(f"{store.name}*"):
        path.unlink()
    clock = DemoClock()
    policy = Policy(mail=MailPolicy(links=LINKS, product="the demo"), second_factors=SecondFactorPolicy(keys=(KEY,)))
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        mailer = FolderMailer(folder=Path(folder))
        url = f"sqlite:///{store}"
        with usercore.open(url, clock=clock, mailer=mailer, policy=policy, authenticators=[FooAuthenticator()]) as core:
            demo = Demo(core, clock, Path(folder))
            for part in PARTS:
                for line in part(demo):
                    print(line)
                    lines.append(line)
    with closing(sqlite3.connect(store)) as database:
        (count,) = database.execute("SELECT count(*) FROM usercore_users").fetchone()
    lines.append(f"an ordinary SQLite tool counts {count} users in the store")
    print(lines[-1])
    return _compare(lines)


def _compare(lines: list[str]) -> int:
    expected = EXPECTED.read_text("utf-8").splitlines() if EXPECTED.exists() else []
    if lines == expected:
        print("\nEverything as expected.")
        return 0
    print("\n".join(difflib.unified_diff(expected, lines, "demo.expected", "this run", lineterm="")), file=sys.stderr)
    return 1
