"""Runs the command in this process, as a shell would."""

import json
import sys
from typing import Any

import attrs
from click.testing import CliRunner

from usercore.__main__ import main


@attrs.frozen
class Done:
    """What a command returned and printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, parsed."""
        assert self.status == 0, self.err
        return json.loads(self.out)


def run(*arguments: str, text: str = "", terminal: bool = False) -> Done:
    """Run a command whose standard input is this text, perhaps on a terminal."""
    with CliRunner().isolation(input=text) as (out, err, _):
        if terminal:
            sys.stdin.isatty = lambda: True  # type: ignore[method-assign]
        status = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        return Done(status, out.getvalue().decode(), err.getvalue().decode())
