"""Setting up an environment fails, naming the package, if a requirement file lacks one that is required."""

import hashlib
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SET_UP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import make_env
folder, requirements, *wanted = sys.argv[2:]
make_env.install_packages(Path(folder), Path(requirements))
make_env.install_wanted(Path(folder), wanted)
"""


def make_wheel(folder: Path, name: str, *requires: str) -> str:
    """Write an empty wheel; return its pinned line, with its hash."""
    metadata = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {other}" for other in requires)]
    files = {
        f"{name}-1.0.dist-info/METADATA": "\n".join(["Metadata-Version: 2.1", *metadata, ""]),
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}-1.0.dist-info/RECORD": "",
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], *wanted: str
) -> "subprocess.CompletedProcess[str]":
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    (tmp_path / "some.txt").write_text("".join(lines))
    paths = (str(ROOT / "scripts"), str(tmp_path / "env"), str(tmp_path / "some.txt"))
    command = [sys.executable, "-c", SET_UP, *paths, *wanted]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_missing_requirement_of_a_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [make_wheel(tmp_path, "first", "second>=1")]
    make_wheel(tmp_path, "second")  # it could be installed, but the file does not name it
    done = set_up(tmp_path, monkeypatch, lines, "first>=1")
    assert done.returncode != 0
    assert "second" in done.stderr


@pytest.mark.slow
def test_a_missing_requirement_of_the_project_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [make_wheel(tmp_path, "first", "second>=1"), make_wheel(tmp_path, "second")]
    make_wheel(tmp_path, "third")
    complete = set_up(tmp_path, monkeypatch, lines, "first>=1")
    assert complete.returncode == 0, complete.stderr
    incomplete = set_up(tmp_path, monkeypatch, lines, "first>=1", "third>=1")
    assert incomplete.returncode != 0
    assert "third" in incomplete.stderr


def test_every_environment_has_its_file_and_its_groups() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    environments = runpy.run_path(str(ROOT / "scripts" / "make_env.py"))["ENVIRONMENTS"].values()
    assert {one.file for one in environments} == {path.name for path in (ROOT / "requirements").iterdir()}
    used = {name for one in environments for name in one.groups}
    groups = declared["dependency-groups"]
    included = {one["include-group"] for group in groups.values() for one in group if isinstance(one, dict)}
    assert used | included == set(groups)
    assert declared["project"]["readme"] == "README.md"
