"""The page about writing a storage lists every part of a unit, by the file that specifies it."""

import inspect
import re
from pathlib import Path

from usercore.storage import Unit

ROOT = Path(__file__).parents[2]


def test_the_page_lists_every_part_of_a_unit() -> None:
    page = (ROOT / "docs/how-to/write-a-storage.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(usercore/\S+\.py)` \| (.*) \|$", page, re.MULTILINE)
    listed = {file: set(re.findall(r"`(\w+)`", parts)) for file, parts in rows}
    parts = {
        str(Path(inspect.getfile(base)).relative_to(ROOT)): set(inspect.get_annotations(base)) | properties_of(base)
        for base in Unit.__mro__[1:]
        if base.__module__.startswith("usercore.")
    }
    assert listed == {file: names for file, names in parts.items() if names}


def properties_of(base: type) -> set[str]:
    """Return the names of the properties that a class itself declares."""
    return {name for name, value in vars(base).items() if isinstance(value, property)}
