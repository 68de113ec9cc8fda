"""All changes of a failing unit in memory are undone, whatever it did and wherever it failed."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.kernel.errors import RunAgain
from usercore_storage.memory.undo_dict import UndoDict, UndoLog
from usercore_storage.memory.undo_list import UndoList

KEYS: Final = st.integers(0, 4)
"""Few, so that keys are used again."""


@attrs.frozen
class Item:
    place: int
    text: str


class Tables:
    """Dicts and lists over one undo log, with a plain model of what they must contain."""

    def __init__(self) -> None:
        self.undo = UndoLog()
        self.cells = UndoDict[int, str](self.undo)
        self.lists = UndoList[int, int, Item](self.undo, lambda item: item.place)
        self.model_cells: dict[int, str] = {}
        self.model_lists: dict[tuple[int, int], Item] = {}

    def add(self, key: int, text: str) -> None:
        with pytest.raises(RunAgain) if key in self.model_cells else nullcontext():
            self.cells.add(key, text)
        self.model_cells.setdefault(key, text)

    def put(self, key: int, text: str) -> None:
        self.cells.put(key, text)
        self.model_cells[key] = text

    def remove(self, key: int) -> None:
        self.cells.remove(key)
        self.model_cells.pop(key, None)

    def insert(self, group: int, item: Item) -> None:
        with pytest.raises(RunAgain) if (group, item.place) in self.model_lists else nullcontext():
            self.lists.add(group, item)
        self.model_lists.setdefault((group, item.place), item)

    def drop(self, group: int, place: int) -> None:
        self.lists.remove(group, Item(place, "whatever it holds"))
        self.model_lists.pop((group, place), None)

    def state(self) -> object:
        return sorted(self.cells.items()), sorted(self.lists.everything(), key=lambda pair: pair[0])

    def check(self) -> None:
        """Compare with the model, each list in its order; a group without items would break ``firsts``."""
        items = sorted(self.model_lists.items(), key=lambda pair: pair[0])
        assert self.state() == (sorted(self.model_cells.items()), [(group, item) for (group, _), item in items])
        assert len(list(self.lists.firsts())) == len({group for group, _ in self.model_lists})

    def attempt(self, steps: "list[Step]", *, fails: bool) -> None:
        """Run the steps; if they fail, undo them, in the model by a copy."""
        mark, cells, lists = len(self.undo), dict(self.model_cells), dict(self.model_lists)
        for step in steps:
            step(self)
            self.check()
        if fails:
            self.undo.roll_back(mark)
            self.model_cells, self.model_lists = cells, lists
        self.check()


Step = Callable[[Tables], None]

ITEMS: Final = st.builds(Item, KEYS, st.text(max_size=1))

CHANGES: Final[st.SearchStrategy[Step]] = st.one_of(
    st.builds(lambda key, text: lambda tables: tables.add(key, text), KEYS, st.text(max_size=1)),
    st.builds(lambda key, text: lambda tables: tables.put(key, text), KEYS, st.text(max_size=1)),
    st.builds(lambda key: lambda tables: tables.remove(key), KEYS),
    st.builds(lambda group, item: lambda tables: tables.insert(group, item), KEYS, ITEMS),
    st.builds(lambda group, place: lambda tables: tables.drop(group, place), KEYS, KEYS),
)


def inner(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    """Generate steps that run together and that fail together or not."""
    return st.builds(
        lambda taken, fails: lambda tables: tables.attempt(taken, fails=fails), st.lists(steps), st.booleans()
    )


STEPS: Final = st.lists(CHANGES, max_size=20)
NESTED_STEPS: Final = st.lists(st.recursive(CHANGES, inner, max_leaves=10), max_size=10)


@given(STEPS, STEPS)
def test_failing_steps_change_nothing(before: list[Step], work: list[Step]) -> None:
    tables = Tables()
    tables.attempt(before, fails=False)
    tables.undo.clear()  # committed
    kept = tables.state()
    tables.attempt(work, fails=True)
    assert tables.state() == kept
    assert not tables.undo


@given(NESTED_STEPS, st.booleans())
def test_an_inner_failure_undoes_its_own_changes_and_no_others(work: list[Step], fails: bool) -> None:  # noqa: FBT001 - drawn
    Tables().attempt(work, fails=fails)


@given(STEPS, STEPS)
def test_a_step_that_was_interrupted_may_run_again(before: list[Step], work: list[Step]) -> None:
    tables = Tables()
    tables.attempt(before, fails=False)
    kept, mark = tables.state(), len(tables.undo)
    tables.attempt(work, fails=False)
    while len(tables.undo) > mark:
        tables.undo[-1]()  # and interrupted before it was removed from the log
        tables.undo.roll_back(len(tables.undo) - 1)
    assert tables.state() == kept


@given(st.lists(ITEMS, unique_by=lambda item: item.place), KEYS, st.integers(0, 5))
def test_newest_returns_items_before_a_position_in_reverse_order(items: list[Item], before: int, limit: int) -> None:
    lists = UndoList[None, int, Item](UndoLog(), lambda item: item.place)
    for item in items:
        lists.add(None, item)
    newest = sorted(items, key=lambda item: item.place, reverse=True)
    assert lists.newest(None, before=None, limit=limit) == newest[:limit]
    assert lists.newest(None, before=before, limit=limit) == [item for item in newest if item.place < before][:limit]
    assert lists.find(None, before) == next((item for item in items if item.place == before), None)
