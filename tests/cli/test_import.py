"""``usercore import``: its output, its exit status, and how it is interrupted."""

import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import termios
from contextlib import closing
from pathlib import Path

import pytest

import usercore
from usercore.__main__ import main

pytestmark = pytest.mark.rule("R7")

GOOD = "email,external_id\nann@example.com,K-1\nbob@example.com,K-2\n"
BAD = "email,external_id,first_name\nann@example.com,K-1,\nbob@,K-2,\n,,\n,,Bob\n"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/people.db"


def written(folder: Path, text: str, name: str = "people.csv") -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def users(store: str) -> int:
    """Count the users of a store."""
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        (count,) = connection.execute("SELECT count(*) FROM usercore_users").fetchone()
        return int(count)


def run(*arguments: str, text: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "usercore", "import", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=env)


def test_a_good_file_is_imported_and_counted(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, GOOD)
    assert main(["import", file, "--store", store]) == 0
    assert capsys.readouterr() == ("2 created, 0 updated, 0 unchanged, 0 bad\n", "")
    assert main(["import", file, "--store", store]) == 0
    assert capsys.readouterr() == ("0 created, 0 updated, 2 unchanged, 0 bad\n", "")


def test_bad_lines_are_written_to_standard_error(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", written(tmp_path, BAD), "--store", store]) == 1
    assert capsys.readouterr() == (
        "1 created, 0 updated, 0 unchanged, 2 bad\n",
        "line 3: email: malformed\nline 5: record: no_identifier\n",
    )


def test_all_or_nothing_stores_nothing_of_a_file_with_a_bad_line(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", written(tmp_path, BAD), "--store", store, "--all-or-nothing"]) == 1
    assert capsys.readouterr().out == "2 bad records: nothing was stored\n"
    assert users(store) == 0
    assert main(["import", written(tmp_path, GOOD), "--store", store, "--all-or-nothing"]) == 0
    assert users(store) == 2


def test_users_are_imported_into_the_named_tenant(store: str, tmp_path: Path) -> None:
    with usercore.open(store) as core:
        core.tenant("system").tenants.create("acme", "Acme")
    assert main(["import", written(tmp_path, GOOD), "--store", store, "--tenant", "ACME"]) == 0
    with usercore.open(store) as core:
        assert core.users.find(usercore.ExternalId("K-1")) is None
        assert core.tenant("acme").users.find(usercore.ExternalId("K-1")) is not None


@pytest.mark.parametrize("name", ["people.jsonl", "people.NDJSON", "people.txt"])
def test_the_suffix_or_an_option_determines_the_format(store: str, tmp_path: Path, name: str) -> None:
    file = written(tmp_path, '{"email": "ann@example.com"}\n', name)
    options = ["--format", "jsonl"] if name.endswith("txt") else []
    assert main(["import", file, "--store", store, *options]) == 0


def test_records_may_come_from_standard_input(store: str) -> None:
    done = run("-", "--format", "csv", "--store", store, text=GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert users(store) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["people.csv"],
        ["-", "--store", "memory://"],
        ["people.txt", "--store", "memory://"],
        ["people.csv", "--store", "memory://", "--format", "xml"],
    ],
)
def test_a_wrong_call_shows_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", *arguments]) == 2
    assert capsys.readouterr().err.startswith("Usage: usercore import [OPTIONS] FILE\nusercore: ")


def told(error: str) -> str:
    """Return the one line of output, which is no traceback."""
    (line,) = error.splitlines()
    assert line.startswith("usercore: ")
    return line.removeprefix("usercore: ")


def test_a_file_that_cannot_be_read_creates_no_store(tmp_path: Path) -> None:
    done = run(str(tmp_path / "people.csv"), "--store", f"sqlite:///{tmp_path}/people.db")
    assert done.returncode == 2
    assert "No such file" in told(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_header_creates_no_store(tmp_path: Path) -> None:
    file = written(tmp_path, "email,shoe_size\na@example.com,42\n")
    done = run(file, "--store", f"sqlite:///{tmp_path}/people.db")
    assert done.returncode == 2
    assert re.fullmatch("shoe_size: unknown_field; expected .*, email, .*", told(done.stderr))
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("sqlite:///{folder}/people.csv", "storage.corrupt"),
        ("sqlite:///{folder}/foreign.db", "storage.foreign_file"),
        ("sqlite:///{folder}/missing/people.db", "storage.unavailable"),
        ("nowhere://", "no storage for 'nowhere'"),
        ("postgresql://crm:s3cret@localhost:1/people", "storage.unavailable"),
        ("postgresql://crm:[s3cret]@db.example/people", "storage.unavailable"),
        ("host=db.example user=crm password=s3cret dbname=people", "not the URL of a storage"),
        ("postgresql:/crm:s3cret@db.example/people", "not the URL of a storage"),
        ("postgres:crm:s3cret@db.example/people", "not the URL of a storage"),
        ("nowhere://crm:s3c%72et@db.example", "no storage for 'nowhere'"),
    ],
)
def test_a_store_that_cannot_be_opened_is_named_by_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, code: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE pets (name text)")
    assert main(["import", written(tmp_path, GOOD * 20), "--store", url.format(folder=tmp_path)]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert told(errors).startswith(code)
    assert "s3cret" not in errors


@pytest.mark.rule("Y4")
def test_the_reason_of_the_system_follows_the_code(tmp_path: Path) -> None:
    done = run(written(tmp_path, GOOD), "--store", f"sqlite:///{tmp_path}/missing/people.db")
    assert "no such folder" in told(done.stderr)
    assert f"{tmp_path}/missing" in done.stderr


@pytest.mark.rule("Y4")
def test_a_usage_error_shows_no_url_with_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "people.csv", "postgresql://crm:s3cret@db.example/people", "--store", "memory://"]) == 2
    assert "s3cret" not in capsys.readouterr().err


def test_columns_are_mapped_zones_supplied_and_the_delimiter_named(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "E-Mail#born\nann@example.com#2024-05-01 10:00\n", "people.tsv")
    translate_error = ["--map", "E-Mail=email", "--map", "born=created_at"]
    assert (
        main(["import", file, "--store", store, "--zone", "Europe/Berlin", "--delimiter", "#", *translate_error]) == 0
    )
    assert capsys.readouterr().err == ""
    with usercore.open(store) as core:
        assert core.users.get(usercore.Email("ann@example.com")).created_at.isoformat() == "2024-05-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (["--map", "email"], "THEIRS=OURS"),
        (["--map", "=email"], "THEIRS=OURS"),
        (["--zone", "Nowhere/Land"], "expected a zone such as Europe/Berlin"),
        (["--zone", "../etc"], "expected a zone such as Europe/Berlin"),
        (["--delimiter", ",;"], "expected one character"),
    ],
)
def test_an_option_that_cannot_be_parsed_is_refused_with_the_expected_form(
    option: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "people.csv", "--store", "memory://", *option]) == 2
    assert expected in capsys.readouterr().err


def test_a_file_without_a_header_is_refused_without_showing_its_content(tmp_path: Path) -> None:
    file = written(tmp_path, "k9,ann.smith@example.com,true,aGFzaA==,Ann Smith\n")
    done = run(file, "--store", f"sqlite:///{tmp_path}/people.db")
    assert (done.returncode, [path.name for path in tmp_path.iterdir()]) == (2, ["people.csv"])
    assert told(done.stderr).startswith("header: no_known_field; found 5 columns, none of them a field; expected")
    assert not {"k9", "ann.smith", "aGFzaA", "Smith"} & set(re.findall(r"[\w.]+", done.stderr))


def test_an_unknown_tenant_is_reported_by_its_code(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", written(tmp_path, GOOD), "--store", store, "--tenant", "nobody"]) == 2
    assert told(capsys.readouterr().err).startswith("tenants.not_found: found no tenant 'nobody'; expected")


def interrupted(*arguments: str) -> tuple[int, list[str]]:
    """Interrupt the command when it has read most of its input, and return its exit status and output."""
    command = [sys.executable, "-m", "usercore", "import", "-", "--format", "csv", *arguments]
    numbers = (f"{number}\n" for number in range(20_500))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.writelines(["external_id\n", *numbers])
        process.stdin.flush()  # more than a pipe holds, so all except that was read
        process.send_signal(signal.SIGINT)
        _, error = process.communicate()
    return process.returncode, error.splitlines()


def test_an_interrupt_reports_how_many_records_were_stored(store: str) -> None:
    status, told = interrupted("--store", store)
    assert status == 130
    message = re.fullmatch(r"usercore: interrupted after (\d+) records, which are done; .*", told[-1])
    assert message is not None
    assert users(store) - int(message[1]) in {0, 1000}  # a stored batch may not have been counted yet


def test_an_interrupt_of_all_or_nothing_stores_nothing(store: str) -> None:
    status, told = interrupted("--store", store, "--all-or-nothing")
    assert (status, told) == (130, ["usercore: interrupted before the end: nothing was stored"])
    assert users(store) == 0


def on_a_terminal(*arguments: str, env: dict[str, str] | None = None) -> str:
    """Run the command with a terminal for its standard error, and return what appears there."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    command = [sys.executable, "-m", "usercore", "import", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=slave, check=False, env=env)
    os.close(slave)
    assert done.returncode == 1
    shown = b""
    while True:
        try:
            shown += os.read(master, 1 << 16)
        except OSError:  # all is read, and the other end is closed
            os.close(master)
            return shown.decode()


def test_a_progress_bar_is_shown_on_a_terminal(store: str, tmp_path: Path) -> None:
    shown = on_a_terminal(written(tmp_path, BAD), "--store", store)
    assert "100%" in shown
    assert "line 3: email: malformed" in shown


def test_without_tqdm_only_the_progress_bar_is_missing(store: str, tmp_path: Path) -> None:
    without = tmp_path / "without"
    without.mkdir()
    (without / "tqdm.py").write_text("raise ImportError", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(without), *sys.path])}
    shown = on_a_terminal(written(tmp_path, BAD), "--store", store, env=env)
    assert shown.splitlines() == ["line 3: email: malformed", "line 5: record: no_identifier"]
