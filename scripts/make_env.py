"""Create one environment of the project for ``make``: empty, then its pinned packages, then usercore in place.

Runs before anything is installed, so it needs only the standard library and pip. An environment whose Python and
requirements are unchanged is reused, and only the project is installed again.

Packages are installed by ``--no-deps``: a requirement file is complete, and no resolver decides what else to
install. pip itself then compares what is installed with what pyproject.toml requires, without an index, so a
requirement that is missing from a file is named by an error and the set-up fails.
"""

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
PIP_OPTIONS = ("--quiet", "--quiet", "--disable-pip-version-check", "--no-input")


class Environment(NamedTuple):
    """What an environment is for: dependency groups of pyproject.toml, and usercore itself unless it is bare."""

    file: str
    groups: tuple[str, ...] = ()
    bare: bool = False


EXTRAS = ("cli", "progress")
# The largest first: the others take its versions, so that all environments agree.
ENVIRONMENTS = {
    "check": Environment("check.txt", ("build", "check")),
    "test": Environment("test.txt", ("build", "test")),
    "demo": Environment("run.txt", ("build", "demo")),
    "bench": Environment("bench.txt", ("build", "bench", "peers")),
    "lock": Environment("lock.txt", ("lock",), bare=True),
    "tools": Environment("virtualenv.txt", ("virtualenv",), bare=True),
}


def main() -> None:
    """Create the environment that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[name for name in ENVIRONMENTS if name != "tools"])
    create(ROOT / ".venvs", parser.parse_args().name)


def create(venvs: Path, name: str) -> None:
    """Create or reuse the environment ``venvs/name`` and check that its packages are complete."""
    environment = ENVIRONMENTS[name]
    install_packages(venvs / name, REQUIREMENTS / environment.file)
    project = [] if environment.bare else ["--editable", f"{ROOT}[{','.join(EXTRAS)}]"]
    install_wanted(venvs / name, [*project, *requirements_of(environment.groups)])


def install_packages(folder: Path, requirements: Path) -> None:
    """Create an environment and install the pinned packages, unless that was done before."""
    made_of = folder / ".made-of"
    wanted = f"{sys.version}\n{folder.absolute()}\n{hashlib.sha256(requirements.read_bytes()).hexdigest()}\n"
    if made_of.exists() and made_of.read_text() == wanted:
        return
    print(f"making {folder} from {requirements}", flush=True)
    create_empty(folder)
    pip_of(folder, "install", "--no-deps", "--require-hashes", "--requirement", str(requirements))
    made_of.write_text(wanted)


def create_empty(folder: Path) -> None:
    """Create an empty environment with pip; by virtualenv if this Python has no venv or no ensurepip."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", "--clear", str(folder))
        return
    tools = folder.parent / "tools"
    pinned = REQUIREMENTS / ENVIRONMENTS["tools"].file
    install = ("install", "--no-deps", "--require-hashes", "--requirement", str(pinned))
    run(sys.executable, "-m", "pip", *install, *PIP_OPTIONS, "--upgrade", "--target", str(tools))
    run(sys.executable, "-m", "virtualenv", "--quiet", "--clear", str(folder), PYTHONPATH=str(tools))


def install_wanted(folder: Path, wanted: Sequence[str]) -> None:
    """Install the project and fail, naming it, if a requirement of it or of ``wanted`` is not installed yet.

    There is neither an index nor a folder of packages to take anything from: pip's configuration is ignored.
    """
    without_index = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_NO_INDEX": "1"}
    pip_of(folder, "install", "--no-index", "--no-build-isolation", *wanted, **without_index)


def requirements_of(groups: Sequence[str]) -> Iterator[str]:
    """Iterate over the requirements of dependency groups, with those of the groups that they include."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    for group in groups:
        for requirement in declared[group]:
            if isinstance(requirement, str):
                yield requirement
            else:
                yield from requirements_of([requirement["include-group"]])


def pip_of(folder: Path, *arguments: str, **more_environment: str) -> None:
    """Run the pip of an environment."""
    run(str(folder / "bin" / "python"), "-m", "pip", *arguments, *PIP_OPTIONS, **more_environment)


def run(*command: str, **more_environment: str) -> None:
    """Run a command; if it fails, it has printed the reason, and this process ends with its status."""
    # A path of the caller's would make packages visible that the environment does not contain.
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    status = subprocess.run(command, check=False, env=environment | more_environment).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
