"""The first step of each engine creates the tables. A step that does not is found, whatever the order of columns."""

import shutil
from pathlib import Path

import pytest

from scripts.make_step import STORAGES, differing

ENGINES = ["postgres", "sqlite"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the shipped steps."""
    for engine in ENGINES:
        shutil.copytree(STORAGES / engine / "steps", tmp_path / engine / "steps")
    return tmp_path


def test_the_shipped_steps_create_the_tables() -> None:
    assert list(differing(STORAGES)) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("left_out", ["    note ", "CREATE TABLE usercore_claims", "CREATE INDEX"])
def test_a_step_that_lacks_something_is_found_with_the_text_that_it_should_have(
    folder: Path, engine: str, left_out: str
) -> None:
    file = folder / engine / "steps" / "0001.sql"
    shipped = file.read_text("utf-8")
    file.write_text(
        "".join(line for line in shipped.splitlines(keepends=True) if not line.startswith(left_out)), "utf-8"
    )
    assert file.read_text("utf-8") != shipped
    assert list(differing(folder)) == [(file, shipped)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_that_is_missing_is_found(folder: Path, engine: str) -> None:
    file = folder / engine / "steps" / "0001.sql"
    file.unlink()
    assert [found for found, _ in differing(folder)] == [file]


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_in_another_order_are_no_difference(folder: Path, engine: str) -> None:
    file = folder / engine / "steps" / "0001.sql"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    first, second = (
        number
        for number, line in enumerate(lines)
        if line.startswith(("    chosen_public_name ", "    institution_name "))
    )
    lines[first], lines[second] = lines[second], lines[first]
    file.write_text("".join(lines), "utf-8")
    assert list(differing(folder)) == []
