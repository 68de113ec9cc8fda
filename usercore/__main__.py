"""The command line: ``python -m usercore import FILE --store URL``."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

import usercore
from usercore.importing.files import Columns, read_csv, read_json_lines
from usercore.importing.model import ImportLine, ImportReport, shown

FORMATS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
CHOICES: Final = sorted(set(FORMATS.values()))
URLS: Final = "expected a URL such as sqlite:///people.db, postgresql://user@host/name or memory://"

_CREDENTIALS: Final = re.compile(r"\S*:\S*@\S*|\S*password\S*", re.IGNORECASE)

ALL_GOOD, SOME_BAD, FAILED, INTERRUPTED = 0, 1, 2, 130

EPILOG: Final = """\
Bad records are reported on standard error, and the others are imported. Importing a file again changes nothing but what
was bad.
Exit status: 0 all is well, 1 there were bad records, 2 it could not be done, 130 interrupted."""


@attrs.define
class Progress:
    """The number of records that are done."""

    done: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    name = options.format or FORMATS.get(Path(options.file).suffix.lower())
    if name is None:
        parser.error(f"the name of {options.file} does not show its format: pass --format")
    progress = Progress()
    try:
        with _opened(options.file) as file:
            return _import(file, _lines(file, name, options), options, progress)
    except KeyboardInterrupt:
        return _failed(f"interrupted {_reached(progress, options)}", INTERRUPTED)
    except usercore.Invalid as error:
        return _failed("; ".join([shown(error.errors), *getattr(error, "__notes__", ())]))
    except usercore.TenantNotFound as error:
        return _failed(f"{error}: found no tenant {options.tenant!r}; expected the key of a tenant of this store")
    except (usercore.UsercoreError, OSError) as error:
        return _failed(f"{error}; stopped {_reached(progress, options)}" if progress.done else str(error))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(_CREDENTIALS.sub("...", message))  # a URL with a password may be passed as another argument


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m usercore", description="User management in process.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("import", help="create and update users by the records of a file", epilog=EPILOG)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument(
        "file", metavar="FILE", help="CSV with a header, JSON lines or a JSON array; - is standard input"
    )
    command.add_argument("--store", metavar="URL", required=True, help="the store, such as sqlite:///people.db")
    command.add_argument("--format", choices=CHOICES, help="else the ending of the file's name tells")
    command.add_argument(
        "--delimiter", type=_delimiter, metavar="MARK", help="between cells: , ; | tab; else it is found"
    )
    command.add_argument(
        "--map",
        type=_pair,
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="a name in the file, and its field",
    )
    command.add_argument("--zone", type=_zone, metavar="ZONE", help="of instants without one: Europe/Berlin")
    command.add_argument("--tenant", metavar="KEY", default="main", help="whose users they are (main)")
    command.add_argument("--all-or-nothing", action="store_true", help="store nothing if any record is bad")
    return parser


def _delimiter(text: str) -> str:
    mark = "\t" if text in {"tab", "\\t"} else text
    if len(mark) != 1 or mark in '"\r\n':
        msg = f"found {text!r}; expected one character, or tab"
        raise argparse.ArgumentTypeError(msg)
    return mark


def _pair(text: str) -> tuple[str, str]:
    theirs, sign, ours = text.rpartition("=")
    if not sign or not theirs.strip() or not ours.strip():
        msg = f"found {text!r}; expected a name in the file and a field: THEIRS=OURS"
        raise argparse.ArgumentTypeError(msg)
    return theirs.strip(), ours.strip()


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        msg = f"found {text!r}; expected a zone such as Europe/Berlin or UTC"
        raise argparse.ArgumentTypeError(msg) from None


def _lines(file: BinaryIO, name: str, options: argparse.Namespace) -> Iterator[ImportLine]:
    columns = Columns(names=dict(options.map), zone=options.zone)
    return read_csv(file, columns, delimiter=options.delimiter) if name == "csv" else read_json_lines(file, columns)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb")


def _store(url: str) -> usercore.UserCore:
    try:
        return usercore.open(url)
    except ValueError as error:  # the URL is not valid
        sys.exit(_failed(f"{error}; {URLS}"))


def _import(file: BinaryIO, lines: Iterator[ImportLine], options: argparse.Namespace, progress: Progress) -> int:
    with _store(options.store) as core, _watched(file) as (show, warn):

        def on_progress(done: int) -> None:
            progress.done = done
            show(done)

        report = core.tenant(options.tenant).registration.import_users(
            lines,
            all_or_nothing=options.all_or_nothing,
            on_progress=on_progress,
            on_bad=lambda bad: warn(str(bad)),
        )
    print(_summary(report, options))
    return SOME_BAD if report.bad_count else ALL_GOOD


def _summary(report: ImportReport, options: argparse.Namespace) -> str:
    if options.all_or_nothing and report.bad_count:
        return f"{report.bad_count} bad records: nothing was stored"
    done = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    return f"{done}, {report.bad_count} bad"


@contextmanager
def _watched(file: BinaryIO) -> Iterator[tuple[Callable[[int], object], Callable[[str], object]]]:
    """Yield functions that show progress and report a bad record: in a bar on a terminal, if tqdm is installed."""
    try:
        from tqdm import tqdm  # noqa: PLC0415 - an optional dependency
    except ImportError:
        yield lambda _: None, lambda text: print(text, file=sys.stderr)
        return
    size = os.fstat(file.fileno()).st_size if file.seekable() else None
    unit = " records" if size is None else "B"
    with tqdm(total=size, unit=unit, unit_scale=True, disable=None, leave=False) as bar:  # None: only on a terminal
        yield (
            lambda done: bar.update((done if size is None else file.tell()) - bar.n),
            lambda text: bar.write(text, file=sys.stderr),
        )


def _reached(progress: Progress, options: argparse.Namespace) -> str:
    if options.all_or_nothing:
        return "before the end: nothing was stored"
    return f"after {progress.done} records, which are done; importing the file again goes on from there"


def _failed(message: str, status: int = FAILED) -> int:
    print(f"usercore: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
