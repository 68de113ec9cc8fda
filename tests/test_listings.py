"""The layout in the document about the architecture has all folders."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [folder for top in ("usercore", "usercore_storage") for folder in (ROOT / top).iterdir()]
FOLDERS = [folder.name for folder in PACKAGES if (folder / "__init__.py").exists()]


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_the_layout_in_architecture_names_each_folder(folder: str) -> None:
    layout = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[1]
    assert re.search(rf"(?<!\S){folder}/(?=\s)", layout), f"ARCHITECTURE.md, The layout: add {folder}/"
