"""Stores that cannot be used: every call and every command names the reason, by an error that hosts can import.

Cases to inherit, with a fixture ``refused``.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

import usercore
import usercore_cli.program  # noqa: F401 - a child without rights may not read Python's own files, so it is loaded here
import usercore_storage
from scripts.make_errors import find_errors
from tests.cli.running import run
from usercore import StorageError, UsercoreError
from usercore.kernel.urls import scheme_of

PUBLIC: Final = frozenset(find_errors())
"""The errors in their reference."""

SECRET: Final = "s3cret"
"""The password of URLs, which no message shows."""


@attrs.frozen(kw_only=True)
class RefusedStore:
    """A store that cannot be used, with the error of opening it and writing to it."""

    url: str
    error: type[Exception]
    reason: str
    """A part of the message."""

    folder: Path
    """A folder for other stores and files."""

    prepare: Callable[[], object] = lambda: None
    """Called before each use."""

    def other_store(self) -> str:
        """Create a store that can be used, and return its URL."""
        url = f"sqlite:///{self.folder}/other{len(list(self.folder.iterdir()))}.db"
        usercore.open(url).close()
        return url


def open_and_write(refused: RefusedStore) -> None:
    """Open a store and write to it."""
    with usercore.open(refused.url) as core:
        core.registration.register("ann@example.com")


def make_scratch(refused: RefusedStore) -> None:
    """Make the scratch store of a verification, without running its cases."""
    engine = {"sqlite": "sqlite", "postgresql": "postgres"}[scheme_of(refused.url)]
    with import_module(f"usercore_storage.{engine}.scratch").scratch(refused.url):
        pass


USES: Final[Mapping[str, Callable[[RefusedStore], object]]] = {
    "open": open_and_write,
    "access": lambda refused: usercore_storage.access(refused.url),
    "check": lambda refused: usercore_storage.check(refused.url),
    "repair": lambda refused: usercore_storage.repair(refused.url),
    "reopen": lambda refused: usercore_storage.reopen(refused.url),
    "spread": lambda refused: usercore_storage.spread(refused.url),
    "verify": make_scratch,
    "copy from": lambda refused: usercore_storage.copy(refused.url, refused.other_store()),
    "copy to": lambda refused: usercore_storage.copy(refused.other_store(), refused.url),
    "back up": lambda refused: usercore_storage.backup(refused.url, refused.folder / "copy.db"),
}
"""Calls that open a store."""

COMMANDS: Final = (
    ["init"],
    ["stats"],
    ["cleanup"],
    ["check"],
    ["repair"],
    ["reopen"],
    ["spread"],
    ["doctor"],
    ["export", "7"],
    ["tenant", "list"],
)


class RefusedStoreCases:
    """What every use of a store that cannot be used does."""

    @pytest.fixture(autouse=True)
    def _operator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("USERCORE_OPERATOR", "Ann")

    def run(self, case: Callable[[], None]) -> None:
        """Run a case."""
        case()

    @pytest.mark.rule("ERR")
    def test_opening_it_raises_a_public_error_that_names_the_reason(self, refused: RefusedStore) -> None:
        self.run(partial(check_opening, refused))

    @pytest.mark.rule("ERR")
    def test_every_use_of_it_succeeds_or_raises_a_public_error(self, refused: RefusedStore) -> None:
        self.run(partial(check_uses, refused))

    @pytest.mark.rule("Y4")
    def test_a_command_prints_the_reason_and_no_traceback_and_its_status_is_2(self, refused: RefusedStore) -> None:
        self.run(partial(check_import, refused))

    @pytest.mark.rule("Y4")
    def test_every_command_ends_with_one_line_and_a_documented_status(self, refused: RefusedStore) -> None:
        self.run(partial(check_commands, refused))


def check_opening(refused: RefusedStore) -> None:
    """Check the error of opening a store."""
    error = error_of("open", refused)
    assert type(error) is refused.error
    assert refused.reason in str(error)
    assert_safe(error)
    assert not isinstance(error, StorageError) or error.reason is None or "\n" not in error.reason


def check_uses(refused: RefusedStore) -> None:
    """Check that hosts can import the classes of all errors."""
    for name in USES:
        error = error_of(name, refused)
        if error is not None:
            assert type(error) is ValueError or is_public(error), (name, error)
            assert_safe(error)


def error_of(name: str, refused: RefusedStore) -> Exception | None:
    """Return the error of a use, or None."""
    refused.prepare()
    try:
        USES[name](refused)
    except Exception as error:  # noqa: BLE001 - of whatever class it is
        return error
    return None


def is_public(error: Exception) -> bool:
    """Return whether ``usercore`` has the class of an error by its name, and the reference of errors has it, too."""
    kind: Any = type(error)
    return getattr(usercore, kind.__name__, None) is kind and kind in PUBLIC


def assert_safe(error: BaseException | None) -> None:
    """Check that neither an error nor its causes show the password."""
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__


def check_import(refused: RefusedStore) -> None:
    """Check a command that creates a store and writes to it: its message, and its error as JSON."""
    file = refused.folder / "people.jsonl"
    file.write_text('{"email": "ann@example.com"}\n', encoding="utf-8")
    for options in ([], ["--json"]):
        refused.prepare()
        done = run("import", str(file), *options, "--store", refused.url)
        assert (done.status, done.out) == (2, "")
        assert SECRET not in done.err
        if options and issubclass(refused.error, UsercoreError):
            assert json.loads(done.err)["code"] == refused.error.code
        else:
            assert refused.reason in done.err
            assert_one_line(done.err)


def check_commands(refused: RefusedStore) -> None:
    """Check the other commands; one that reads may have found what it wants to know."""
    for command in (*COMMANDS, ["copy", "--to", refused.other_store()], ["backup", str(refused.folder / "copy.db")]):
        refused.prepare()
        done = run(*command, "--store", refused.url)
        assert done.status in {0, 1, 2}, command
        assert SECRET not in done.out + done.err
        if done.status == 2:
            assert_one_line(done.err)


def assert_one_line(text: str) -> None:
    """Check that a message is one line of the program's."""
    assert text.startswith("usercore: "), text
    assert text.count("\n") == 1, text
