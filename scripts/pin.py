"""Pin the packages of each environment, with hashes, for every Python from 3.11 on, by uv.

Usage: python -m scripts.pin UV
"""

import re
import subprocess
import sys

from scripts.make_env import ENVIRONMENTS, EXTRAS, REQUIREMENTS, ROOT, Environment

COMPILE = ("pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--upgrade", "--generate-hashes")
PLAIN = ("--no-header", "--no-annotate")

# Neither an address of a registry nor a path of this machine may get into the repository.
UNWANTED = re.compile(r"://|^-|^ *#|@ ", re.MULTILINE)


def main() -> None:
    """Write all requirement files; each but the first takes the versions of the first."""
    uv = sys.argv[1]
    largest = None
    for environment in ENVIRONMENTS.values():
        constraint = ("--constraint", f"requirements/{largest}") if largest and not environment.bare else ()
        pin(uv, environment, constraint)
        largest = largest or environment.file


def pin(uv: str, environment: Environment, constraint: tuple[str, ...]) -> None:
    """Write one requirement file."""
    file = REQUIREMENTS / environment.file
    project = [] if environment.bare else ["pyproject.toml", *(f"--extra={extra}" for extra in EXTRAS)]
    groups = [f"--group={group}" for group in environment.groups]
    command = (uv, *COMPILE, *PLAIN, "--output-file", str(file), *project, *groups, *constraint)
    subprocess.run(command, check=True, cwd=ROOT)
    found = UNWANTED.search(file.read_text(encoding="utf-8"))
    if found:
        sys.exit(f"{file} contains an address, an option or a comment: {found[0]!r}")


if __name__ == "__main__":
    main()
