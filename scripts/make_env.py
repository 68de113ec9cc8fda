"""Make one environment of the project, for ``make``: an empty one, its pinned packages, and usercore in place.

Runs before anything is installed: the standard library and pip must do. An environment whose Python and
requirements are still the same is kept, and only the project is installed anew.
"""

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP_OPTIONS = ("--quiet", "--quiet", "--disable-pip-version-check", "--no-input")


def main() -> None:
    """Make the environment that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the environment is")
    parser.add_argument("requirements", type=Path, help="its pinned packages")
    parser.add_argument("--bare", action="store_true", help="without usercore itself")
    options = parser.parse_args()
    ensure_packages(options.folder, options.requirements)
    if not options.bare:
        pip_of(options.folder, "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def ensure_packages(folder: Path, requirements: Path) -> None:
    """Make the environment and install its packages, unless that is done."""
    made_of = folder / ".made-of"
    wanted = f"{sys.version}\n{folder.absolute()}\n{hashlib.sha256(requirements.read_bytes()).hexdigest()}\n"
    if made_of.exists() and made_of.read_text() == wanted:
        return
    print(f"making {folder} from {requirements}", flush=True)
    make_empty(folder)
    pip_of(folder, "install", "--require-hashes", "--requirement", str(requirements))
    made_of.write_text(wanted)


def make_empty(folder: Path) -> None:
    """Make an empty environment with pip; by virtualenv where Python comes without its own means."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", "--clear", str(folder))
        return
    tools = ROOT / ".venvs" / "tools"
    pinned = ROOT / "requirements" / "virtualenv.txt"
    install = ("install", "--require-hashes", "--requirement", str(pinned))
    run(sys.executable, "-m", "pip", *install, *PIP_OPTIONS, "--upgrade", "--target", str(tools))
    run(sys.executable, "-m", "virtualenv", "--quiet", "--clear", str(folder), PYTHONPATH=str(tools))


def pip_of(folder: Path, *arguments: str) -> None:
    """Run the pip of an environment."""
    run(str(folder / "bin" / "python"), "-m", "pip", *arguments, *PIP_OPTIONS)


def run(*command: str, **more_environment: str) -> None:
    """Run a command; when it fails, it has said why, and its status becomes ours."""
    # A path of the caller's would put packages into the environment that were never installed there.
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    status = subprocess.run(command, check=False, env=environment | more_environment).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
