"""``usercore import``: users from a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import click

import usercore
from usercore.importing.files import Columns, read_csv, read_json_lines
from usercore.importing.model import ImportLine, ImportReport
from usercore_cli import forms
from usercore_cli.command import Command, bound, opened
from usercore_cli.failures import ExitStatus, Failed, failures, message_of
from usercore_cli.output import Output
from usercore_cli.parameters import json_option, operator_option, store_option, tenant_option
from usercore_cli.progress import progress

FORMATS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
CHOICES: Final = sorted(set(FORMATS.values()))


def _delimiter(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    mark = "\t" if text in {"tab", "\\t"} else text
    if mark is not None and (len(mark) != 1 or mark in '"\r\n'):
        raise click.BadParameter(f"found {text!r}; expected one character, or tab")
    return mark


def _pairs(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    return dict(map(_pair, texts))


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.rpartition("=")
    if not sign or not theirs.strip() or not ours.strip():
        raise click.BadParameter(f"found {text!r}; expected a name in the file and a field: THEIRS=OURS")
    return theirs.strip(), ours.strip()


def _zone(_: click.Context, __: click.Parameter, text: str | None) -> ZoneInfo | None:
    try:
        return None if text is None else ZoneInfo(text)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise click.BadParameter(f"found {text!r}; expected a zone such as Europe/Berlin or UTC") from None


@attrs.define
class Import:
    """An import that is under way, and the number of its records that are done."""

    all_or_nothing: bool
    done: int = 0

    @property
    def reached(self) -> str:
        """Describe what is stored if it stops now."""
        if self.all_or_nothing:
            return "before the end: nothing was stored"
        return f"after {self.done} records, which are done; importing the file again goes on from there"

    def run(self, core: usercore.UserCore, file: BinaryIO, lines: Iterator[ImportLine]) -> ImportReport:
        """Import the lines of a file, showing the progress and the bad records."""
        size = os.fstat(file.fileno()).st_size if file.seekable() else None
        with progress(" records" if size is None else "B", size) as bar:

            def on_progress(done: int) -> None:
                self.done = done
                bar.show(done if size is None else file.tell())

            return core.registration.import_users(
                lines,
                all_or_nothing=self.all_or_nothing,
                on_progress=on_progress,
                on_bad=lambda bad: bar.write(str(bad)),
            )


@click.command("import", cls=Command)
@click.argument("name", metavar="FILE")
@click.option("--format", "form", type=click.Choice(CHOICES), help="else the ending of the file's name tells")
@click.option("--delimiter", metavar="MARK", callback=_delimiter, help="between cells: , ; | tab; else it is found")
@click.option(
    "--map",
    "names",
    metavar="THEIRS=OURS",
    multiple=True,
    callback=_pairs,
    help="a name in the file, and its field; may be repeated",
)
@click.option("--zone", metavar="ZONE", callback=_zone, help="of instants without one: Europe/Berlin")
@click.option("--all-or-nothing", is_flag=True, help="store nothing if any record is bad")
@store_option
@tenant_option
@operator_option
@json_option
def import_users(
    name: str,
    form: str | None,
    delimiter: str | None,
    names: dict[str, str],
    zone: ZoneInfo | None,
    *,
    all_or_nothing: bool,
    url: str,
    tenant: str,
    operator: str,
    as_json: bool,
) -> ExitStatus:
    """Create and update users by the records of a file.

    FILE is CSV with a header, JSON lines or a JSON array; - is standard input. Bad records are reported on standard
    error, and the others are imported. Importing a file again changes nothing but what was bad.
    """
    form = form or FORMATS.get(Path(name).suffix.lower())
    if form is None:
        raise click.UsageError(f"the name of {name} does not show its format: pass --format")
    columns, running = Columns(names=names, zone=zone), Import(all_or_nothing)
    with failures(as_json=as_json), _stopping(running), _opened_file(name) as file:
        lines = read_csv(file, columns, delimiter=delimiter) if form == "csv" else read_json_lines(file, columns)
        with opened(url, creates=True) as core:
            report = running.run(bound(core, tenant, operator), file, lines)
    Output(as_json).done(_summary(report, running), forms.import_report(report, "operator"))
    return ExitStatus.REFUSED if report.bad_count else ExitStatus.DONE


@contextmanager
def _stopping(running: Import) -> Iterator[None]:
    """Translate what ends an import: all of it means that it could not be done."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failed(f"interrupted {running.reached}", ExitStatus.INTERRUPTED) from None
    except (usercore.UsercoreError, OSError) as error:
        ours = error if isinstance(error, usercore.UsercoreError) else None
        message = str(error) if ours is None else message_of(ours)
        stopped = f"; stopped {running.reached}" if running.done else ""
        raise Failed(f"{message}{stopped}", error=ours) from error


def _opened_file(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb")


def _summary(report: ImportReport, running: Import) -> str:
    if running.all_or_nothing and report.bad_count:
        return f"{report.bad_count} bad records: nothing was stored"
    done = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    return f"{done}, {report.bad_count} bad"
