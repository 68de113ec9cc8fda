"""The command line: ``python -m usercore import FILE --store URL``."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

import attrs

import usercore
from usercore.importing.files import read_csv, read_json_lines
from usercore.importing.model import ImportLine, ImportReport, shown

READERS: Final = {"csv": read_csv, "jsonl": read_json_lines}
FORMATS: Final = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

ALL_GOOD, SOME_BAD, FAILED, INTERRUPTED = 0, 1, 2, 130

EPILOG: Final = """\
Bad records are told on standard error, and the rest goes on. Importing a file again changes nothing but what was bad.
Exit status: 0 all is well, 1 there were bad records, 2 it could not be done, 130 interrupted."""


@attrs.define
class Progress:
    """How many records are done."""

    done: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; give the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    name = options.format or FORMATS.get(Path(options.file).suffix.lower())
    if name is None:
        parser.error(f"cannot tell the format of {options.file}: give --format")
    progress = Progress()
    try:
        with _opened(options.file) as file:
            return _import(file, READERS[name](file), options, progress)
    except KeyboardInterrupt:
        return _failed(f"interrupted {_reached(progress, options)}", INTERRUPTED)
    except usercore.Invalid as error:
        return _failed(shown(error.errors))
    except (usercore.UsercoreError, OSError) as error:
        return _failed(f"{error}; stopped {_reached(progress, options)}" if progress.done else f"{error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m usercore", description="User management in process.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("import", help="create and update users by the records of a file", epilog=EPILOG)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("file", metavar="FILE", help="CSV with a header, or JSON lines; - is standard input")
    command.add_argument("--store", metavar="URL", required=True, help="where users are kept: sqlite:///people.db")
    command.add_argument("--format", choices=sorted(READERS), help="else the ending of the file's name tells")
    command.add_argument("--tenant", metavar="KEY", default="main", help="whose users they are (main)")
    command.add_argument("--all-or-nothing", action="store_true", help="keep nothing if any record is bad")
    return parser


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb")


def _store(url: str) -> usercore.UserCore:
    try:
        return usercore.open(url)
    except ValueError as error:  # the URL
        sys.exit(_failed(f"{error}"))


def _import(file: BinaryIO, lines: Iterator[ImportLine], options: argparse.Namespace, progress: Progress) -> int:
    with _store(options.store) as core, _watched(file) as (show, tell):

        def on_progress(done: int) -> None:
            progress.done = done
            show(done)

        report = core.tenant(options.tenant).registration.import_users(
            lines,
            all_or_nothing=options.all_or_nothing,
            on_progress=on_progress,
            on_bad=lambda bad: tell(str(bad)),
        )
    print(_summary(report, options))
    return SOME_BAD if report.bad_count else ALL_GOOD


def _summary(report: ImportReport, options: argparse.Namespace) -> str:
    if options.all_or_nothing and report.bad_count:
        return f"{report.bad_count} bad records: nothing was kept"
    kept = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    return f"{kept}, {report.bad_count} bad"


@contextmanager
def _watched(file: BinaryIO) -> Iterator[tuple[Callable[[int], object], Callable[[str], object]]]:
    """Give what shows progress and what tells of a bad record: a bar on a terminal, if tqdm is installed."""
    try:
        from tqdm import tqdm  # noqa: PLC0415 - an extra
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
        return "before the end: nothing was kept"
    return f"after {progress.done} records, which are done; importing the file again goes on from there"


def _failed(message: str, status: int = FAILED) -> int:
    print(f"usercore: {message}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
