"""The command line: ``usercore`` or ``python -m usercore``, which runs the package ``usercore_cli``."""

import sys
from collections.abc import Sequence
from importlib import import_module


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status; 2 if the extra ``cli`` is not installed."""
    try:
        program = import_module("usercore_cli.program")
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("usercore: the command needs the extra 'cli': pip install 'usercore[cli]'", file=sys.stderr)
        return 2
    status: int = program.main(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
