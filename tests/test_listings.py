"""Documents that list parts of the code list all of them."""

import inspect
import re
from pathlib import Path

import pytest

from usercore.storage import Unit

ROOT = Path(__file__).parents[1]
PACKAGES = [folder for top in ("usercore", "usercore_storage") for folder in (ROOT / top).iterdir()]
FOLDERS = [folder.name for folder in PACKAGES if (folder / "__init__.py").exists()]


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_the_layout_in_architecture_names_each_folder(folder: str) -> None:
    layout = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[1]
    assert re.search(rf"(?<!\S){folder}/(?=\s)", layout), f"ARCHITECTURE.md, The layout: add {folder}/"


def test_the_page_about_storages_lists_every_part_of_a_unit() -> None:
    page = (ROOT / "docs/how-to/write-a-storage.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(usercore/\S+\.py)` \| (.*) \|$", page, re.MULTILINE)
    listed = {file: set(re.findall(r"`(\w+)`", parts)) for file, parts in rows}
    parts = {
        str(Path(inspect.getfile(base)).relative_to(ROOT)): properties_of(base)
        for base in Unit.__mro__[1:]
        if base.__module__.startswith("usercore.")
    }
    assert listed == {file: names for file, names in parts.items() if names}


def properties_of(base: type) -> set[str]:
    """Return the names of the properties that a class itself declares."""
    return {name for name, value in vars(base).items() if isinstance(value, property)}
