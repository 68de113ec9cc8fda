"""What all commands share: statuses, errors, options, and the extra."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest

import usercore
from tests.cli.running import run
from usercore_cli.failures import MEANINGS, ExitStatus
from usercore_cli.program import program

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/use-the-command-line.md"


def commands(group: click.Group = program, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    """Return all commands by their names."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
        else:
            found[" ".join((*path, name))] = command
    return found


def test_the_page_has_the_table_of_exit_statuses() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(status): meaning for status, meaning in rows} == MEANINGS
    assert set(MEANINGS) == set(ExitStatus)


def test_the_page_names_every_command() -> None:
    named = set(re.findall(r"^\| `usercore ([a-z -]*[a-z])[ `]", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert named == set(commands())


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_and_takes_a_store_and_json(name: str) -> None:
    command = commands()[name]
    assert command.help
    assert {"--store", "--json"} <= {option for param in command.params for option in param.opts}
    assert all(param.help for param in command.params if isinstance(param, click.Option))


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("name", commands())
def test_no_error_shows_a_url_with_credentials_or_a_superfluous_argument(name: str) -> None:
    url = "nowhere://crm:s3cret@db.example/people"
    for arguments in (["--store", url], [url, url, url, "s3cret"], [f"--zone={url}"], ["--store", "s3cret://x"]):
        done = run(*name.split(), *arguments)
        assert done.status == 2
        assert "crm:s3cret" not in done.err
        assert "db.example" not in done.err


@pytest.mark.rule("Y4")
@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "-", "--format"],
        ["import", "--store", "memory://", "--format", "csv"],
        ["user"],
        [],
        ["user", "show"],
    ],
)
def test_an_argument_in_the_wrong_place_is_quoted_without_credentials(arguments: list[str]) -> None:
    for url in ("postgresql://crm:s3cret@db.example/people", "host=db.example password = s3cret"):
        done = run(*arguments, url)
        assert done.status == 2
        assert "s3cret" not in done.err


@pytest.mark.parametrize("arguments", [[], ["user"], ["unknown"], ["user", "unknown"], ["stats", "--unknown"]])
def test_a_wrong_call_is_status_2_and_shows_the_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(r"Usage: usercore .*\nusercore: .*\n", done.err)


def test_errors_are_json_if_json_is_asked_for(store: str) -> None:
    assert store
    done = run("user", "show", "bob@example.com", "--json")
    assert (done.status, done.out) == (1, "")
    assert json.loads(done.err) == {"code": "users.not_found", "status": 404, "fields": {}, "reason": None}


def test_an_invalid_field_is_named_by_its_reason(store: str) -> None:
    assert store
    done = run("user", "create", "bob@", "--language", "?")
    assert (done.status, done.err) == (1, "usercore: email: malformed; language: malformed\n")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--tenant", "nobody"], "tenants.not_found: found no tenant 'nobody'; expected the key of a tenant"),
        (["--tenant", ""], "tenant: empty"),
        (["--as", "A\nB"], "actor: control_character"),
        (["--as", ""], "actor: empty"),
    ],
)
def test_an_option_that_does_not_fit_is_status_2(store: str, option: list[str], message: str) -> None:
    assert store
    done = run("stats", *option)
    assert done.status == 2
    assert message in done.err


def test_the_operator_is_the_login_name_by_default(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store
    monkeypatch.delenv("USERCORE_OPERATOR")
    monkeypatch.setenv("LOGNAME", "eve")
    assert run("user", "create", "bob@example.com", "--json").json["created_by"] == "operator:eve"


def test_an_operator_must_be_named_if_the_system_knows_none(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store

    def getuser() -> str:
        raise OSError

    monkeypatch.delenv("USERCORE_OPERATOR")
    monkeypatch.setattr("usercore_cli.parameters.getuser", getuser)
    done = run("stats")
    assert (done.status, done.err.splitlines()[-1]) == (2, "usercore: this process has no login name: pass --as NAME")


def test_an_interrupt_is_status_130(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(usercore, "open", interrupt)
    done = run("stats")
    assert (done.status, done.err.strip()) == (130, "usercore: interrupted")


def subprocess_of(*command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own; modules in ``path`` come first."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*([str(path)] if path else []), *sys.path])}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def test_the_console_script_runs_the_same_program(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/people.db"
    script = [sys.executable, "-c", "import sys; from usercore.__main__ import main; sys.exit(main())"]
    for program_ in (script, [sys.executable, "-m", "usercore"]):
        done = subprocess_of(*program_, "init", "--store", url)
        assert (done.returncode, done.stdout, done.stderr) == (0, "the store is ready; tenants: main, system\n", "")


@pytest.mark.parametrize("command", [["tenant", "list"], ["tenant", "list", "--json"], ["--help"]], ids=" ".join)
def test_a_closed_pipe_ends_a_command_quietly(tmp_path: Path, command: list[str]) -> None:
    url = f"sqlite:///{tmp_path}/people.db"
    run("init", "--store", url)
    reader, writer = os.pipe()
    os.close(reader)
    store = [] if command == ["--help"] else ["--store", url]
    with closing(os.fdopen(writer, "wb")) as out:
        done = subprocess.run(
            [sys.executable, "-m", "usercore", *command, *store], stdout=out, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(name='click')", encoding="utf-8")
    done = subprocess_of(sys.executable, "-m", "usercore", "stats", path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usercore: the command needs the extra 'cli': pip install 'usercore[cli]'\n"
