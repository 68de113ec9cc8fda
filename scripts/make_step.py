"""Make the first step of each SQL engine's schema from the tables: ``usercore_storage/<engine>/steps/0001.sql``.

Before the first release there is one step, which is generated again when a table changes. Released steps are frozen: a
change of a table is then a new step, written by hand.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from scripts.reference import ROOT, asked_to_check
from usercore_storage.postgres import migrations as postgres
from usercore_storage.sql import tables
from usercore_storage.sql.table import Table
from usercore_storage.sqlite import migrations as sqlite

STORAGES: Final = ROOT / "usercore_storage"
FIRST: Final = "0001.sql"

_DIALECTS: Final = {"postgres": (postgres.TYPES, postgres.options_of), "sqlite": (sqlite.TYPES, sqlite.options_of)}


def step_of(types: Mapping[str, str], options: Callable[[Table[Any]], str]) -> str:
    """Return the statements that create all tables in an engine's types."""
    statements = [statement for table in tables.ALL for statement in table.ddl(types, options)]
    return "".join(f"{statement};\n\n" for statement in statements).rstrip("\n") + "\n"


def shape_of(step: str) -> set[tuple[str, ...]]:
    """Return the statements of a step, each with its lines in one order: that of columns does not matter.

    A released step stays valid if a field of an entity is moved.
    """
    return {_schema_of(statement) for statement in step.split(";\n") if statement.strip()}


def _schema_of(statement: str) -> tuple[str, ...]:
    head, *lines = (line.strip() for line in statement.strip().splitlines())
    return (head, *sorted(line.removesuffix(",") for line in lines))


def differing(folder: Path) -> Iterable[tuple[Path, str]]:
    """Yield the first steps below this folder that do not create the tables, with the text that they should have."""
    for engine, dialect in _DIALECTS.items():
        file, text = folder / engine / "steps" / FIRST, step_of(*dialect)
        if not file.exists() or shape_of(file.read_text("utf-8")) != shape_of(text):
            yield file, text


def main() -> None:
    """Write the steps that differ, or end with status 1 if any does."""
    check = asked_to_check(__doc__)
    for file, text in differing(STORAGES):
        if check:
            sys.exit(f"{file.relative_to(ROOT)} does not create the tables: run `python -m scripts.make_step`")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
