"""How a command ends: its exit status, and errors as one line without credentials."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

import click

from usercore import forms
from usercore.importing.model import shown
from usercore.kernel.errors import Conflict, Invalid, LostRace, NotFound, Rejected, UsercoreError


class ExitStatus(IntEnum):
    """The exit status of a command."""

    DONE = 0
    REFUSED = 1
    FAILED = 2
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS: Final[Mapping[ExitStatus, str]] = {
    ExitStatus.DONE: "done",
    ExitStatus.REFUSED: "refused or not found, bad records in an import, or findings of a check",
    ExitStatus.FAILED: "wrong usage, or it could not be done",
    ExitStatus.INTERRUPTED: "interrupted",
    ExitStatus.PIPE_CLOSED: "the reader of the output closed the pipe",
}

_CREDENTIALS: Final = re.compile(r"\S*:\S*@\S*|password\s*=\s*\S*", re.IGNORECASE)


class Failed(click.ClickException):
    """A command cannot go on; ``error`` is the error of usercore that ended it, if there is one."""

    def __init__(
        self, message: str, status: ExitStatus = ExitStatus.FAILED, *, error: UsercoreError | None = None
    ) -> None:
        """Create the failure with the message that is shown."""
        super().__init__(message)
        self.status = status
        self.error = error
        self.as_json = False


@contextmanager
def failures(*, as_json: bool) -> Iterator[None]:
    """Translate the errors of usercore and of the system that end a command, and that of a missing extra.

    Raises:
        Failed: with the status and the message of the error.
    """
    try:
        try:
            yield
        except UsercoreError as error:
            raise Failed(message_of(error), status_of(error), error=error) from error
        except BrokenPipeError:
            raise  # not a failure: click ends the program quietly
        except (OSError, ImportError) as error:  # an extra may not be installed
            raise Failed(str(error)) from error
    except Failed as failure:
        failure.as_json = as_json
        raise


def status_of(error: UsercoreError) -> ExitStatus:
    """Return the exit status of an error: REFUSED if a rule decided, FAILED if trying again may help."""
    is_refusal = isinstance(error, Rejected | NotFound | Conflict) and not isinstance(error, LostRace)
    return ExitStatus.REFUSED if is_refusal else ExitStatus.FAILED


def message_of(error: UsercoreError) -> str:
    """Return an error as operators read it."""
    if isinstance(error, Invalid):
        return "; ".join([shown(error.errors), *getattr(error, "__notes__", ())])
    return str(error)


def report(failure: click.ClickException) -> int:
    """Write a failure to standard error, and return the exit status.

    It is written as a line, after the usage if the usage was wrong, or as JSON if that was asked for.
    """
    if isinstance(failure, Failed) and failure.as_json and failure.error is not None:
        click.echo(json.dumps(forms.error(failure.error, "operator")), err=True)
        return failure.status
    if isinstance(failure, click.UsageError) and failure.ctx is not None:
        click.echo(failure.ctx.get_usage(), err=True)
    # An argument in the wrong place is quoted by click, and it may be the URL of a store.
    click.echo(f"usercore: {_CREDENTIALS.sub('...', failure.format_message())}", err=True)
    return failure.status if isinstance(failure, Failed) else ExitStatus.FAILED
