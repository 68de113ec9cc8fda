"""``usercore doctor``."""

import json
from pathlib import Path

import pytest

import usercore
from tests.cli.running import run

POLICY = """
from datetime import timedelta
from usercore import AccessTokenPolicy, Policy

STRICT = Policy(access_tokens=AccessTokenPolicy(lifetime=timedelta(days=1), idle_lifetime=timedelta(hours=1)))
NAME = "Shop"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module with policies into the working directory."""
    name = "shop_settings"
    (tmp_path / f"{name}.py").write_text(POLICY, encoding="utf-8")
    (tmp_path / "broken_settings.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "quitting_settings.py").write_text("raise SystemExit(0)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return name


def outcomes(*arguments: str, status: int) -> dict[str, str]:
    """Run the command and return how each check ended."""
    done = run("doctor", "--json", *arguments)
    assert done.status == status, done.err
    return {one["check"]: one["outcome"] for one in json.loads(done.out)["results"]}


def test_the_table_has_a_line_for_each_check_with_its_clauses_and_evidence(store: str) -> None:
    assert store
    done = run("doctor")
    lines = {line.split()[1]: line for line in done.out.splitlines()}
    assert done.status == 1
    assert lines["session_lifetime"].startswith("failed")
    for text in ("NIST 2.1.3", "ASVS 7.3.2", "sessions last 365 days", "at most 30 days"):
        assert text in lines["session_lifetime"]
    assert lines["store_files"].startswith("passed")
    assert lines["breached_passwords"].startswith("not_applicable")
    assert done.err.endswith("all 0 active users were examined\n")


def test_a_file_that_others_can_read_fails(store: str) -> None:
    assert outcomes(status=1)["store_files"] == "passed"
    Path(store.removeprefix("sqlite:///")).chmod(0o644)
    assert outcomes(status=1)["store_files"] == "failed"


def test_the_policy_of_the_host_is_examined_if_it_is_named(store: str, settings: str) -> None:
    assert store
    default, strict = (outcomes(*arguments, status=1) for arguments in ((), ("--policy", f"{settings}:STRICT")))
    changed = {check: outcome for check, outcome in strict.items() if outcome != default[check]}
    assert changed == {"session_lifetime": "passed", "session_idle": "passed"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop_settings:NAME", "found str; expected a usercore.Policy"),
        ("shop_settings:NONE", "AttributeError"),
        ("no_such_module:POLICY", "No module named"),
        ("broken_settings:POLICY", "ZeroDivisionError"),
        ("quitting_settings:POLICY", "SystemExit"),
        ("shop_settings", "expected MODULE:NAME"),
        (":POLICY", "expected MODULE:NAME"),
    ],
)
def test_what_is_no_policy_is_wrong_usage(store: str, settings: str, name: str, said: str) -> None:
    assert store
    assert settings
    done = run("doctor", "--policy", name)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_nothing_failed_is_status_0(store: str) -> None:
    failed = [check for check, outcome in outcomes(status=1).items() if outcome == "failed"]
    skipped = [word for check in failed for word in ("--skip", check)]
    assert set(outcomes(*skipped, status=0).values()) == {"passed", "not_applicable"}
    done = run("doctor", *skipped, "--store", store)
    assert (done.status, done.err.split(";")[0]) == (0, "0 failed")


def test_an_unknown_check_cannot_be_left_out(store: str) -> None:
    assert store
    done = run("doctor", "--skip", "unheard_of")
    assert (done.status, done.err) == (1, "usercore: skip: unknown\n")


def test_the_number_of_examined_users_can_be_bounded(store: str) -> None:
    with usercore.open(store) as core:
        core.registration.import_users([{"email": f"n{n}@example.com"} for n in range(3)])
    done = run("doctor", "--users", "2")
    assert done.err.endswith("only the first 2 active users were examined\n")
    assert run("doctor", "--users", "3").err.endswith("all 3 active users were examined\n")
    assert run("doctor", "--users", "0").status == 2


def test_a_store_in_memory_can_be_examined() -> None:
    assert outcomes("--store", "memory://", "--as", "Ann", status=1)["store_files"] == "not_applicable"
