"""``usercore copy`` and ``reopen``: move a store to another file or database."""

from collections.abc import Callable
from typing import Final

import click

import usercore_storage
from usercore_cli import forms
from usercore_cli.command import URLS, Command
from usercore_cli.failures import Failed, failures
from usercore_cli.output import Output
from usercore_cli.parameters import json_option, store_option
from usercore_cli.progress import Progress, progress
from usercore_storage import CopyProgress, CopyReport, CopyStep

NAMES: Final = {
    CopyStep.COPY: "copying rows",
    CopyStep.INDEX: "making indexes",
    CopyStep.COMPARE: "comparing rows",
    CopyStep.CATCH_UP: "copying changes",
    CopyStep.LAST: "the store is closed for writes; copying the last changes",
}


@click.command("copy", cls=Command)
@click.option(
    "--to",
    "to_url",
    metavar="URL",
    envvar="USERCORE_COPY_TO",
    required=True,
    help="the store to fill, such as postgresql://crm@db/people; else the variable USERCORE_COPY_TO",
)
@click.option(
    "--no-finish", is_flag=True, help="copy all but the last changes, for which the store is closed for writes"
)
@click.option("--keep-open", is_flag=True, help="accept writes again afterwards: they are not in the copy")
@store_option
@json_option
def copy(*, to_url: str, no_finish: bool, keep_open: bool, url: str, as_json: bool) -> None:
    """Copy a store in use into an empty one, compare every row, and close the first for writes.

    Run it again after an interruption: it goes on where it was.
    """
    with failures(as_json=as_json), progress(" rows") as bar:
        try:
            report = usercore_storage.copy(
                url, to_url, finish=not no_finish, close=not keep_open, on_progress=_shown_on(bar)
            )
        except ValueError as error:
            raise Failed(f"{error}; {URLS}") from error
    Output(as_json).done(_sentence_of(report), forms.copy_report(report, "operator"))


def _sentence_of(report: CopyReport) -> str:
    if not report.is_finished:
        return f"copied {report.rows} rows and compared {report.compared}; the last changes are left to another run"
    waited, closed = (f"{span.total_seconds():.1f} s" for span in (report.waited, report.closed))
    return (
        f"copied {report.rows} rows and compared {report.compared}, then copied {report.changes} changes;"
        f" waited {waited} for writers, writes were refused for {closed} meanwhile"
    )


def _shown_on(bar: Progress) -> Callable[[CopyProgress], object]:
    """Return what shows the progress of a copy, and writes the name of each step as it begins."""
    begun = set[CopyStep]()

    def show(now: CopyProgress) -> None:
        if now.step not in begun:
            begun.add(now.step)
            bar.write(NAMES[now.step])
        bar.show(now.done, now.total)

    return show


@click.command("reopen", cls=Command)
@store_option
@json_option
def reopen(*, url: str, as_json: bool) -> None:
    """Accept writes again in a store that was copied. Its copy does not get them."""
    with failures(as_json=as_json):
        try:
            usercore_storage.reopen(url)
        except ValueError as error:
            raise Failed(f"{error}; {URLS}") from error
    Output(as_json).done("the store accepts writes", {"closed": False})
