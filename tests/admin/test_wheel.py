"""What is installed of the admin page besides its code."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

import usercore_web.admin

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_each_template_and_the_stylesheet(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    (package,) = usercore_web.admin.__path__
    needed = {path for suffix in ("html", "css") for path in Path(package).rglob(f"*.{suffix}")}
    assert len(needed) > 30
    assert {str(path.relative_to(ROOT)) for path in needed} <= packed
