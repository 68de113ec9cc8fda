"""Without its extra the storage names what to install."""

import subprocess
import sys
from typing import Final

import pytest

REASON: Final = "a postgresql:// store needs psycopg and its pool"

WITHOUT: Final = """
import sys
sys.modules["{missing}"] = None
import usercore, usercore_storage
from usercore.__main__ import main
url = "postgresql://localhost/people"
{use}
"""


def without(missing: str, use: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that lacks a package."""
    command = [sys.executable, "-c", WITHOUT.format(missing=missing, use=use)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("psycopg", "usercore.open(url)"),
        ("psycopg_pool", "usercore.open(url)"),
        ("psycopg", "usercore_storage.check(url)"),
        ("psycopg", "usercore_storage.copy(url, 'sqlite:///copy.db')"),
    ],
)
def test_a_missing_extra_is_named(missing: str, use: str) -> None:
    assert f"ImportError: {REASON}" in without(missing, use).stderr


@pytest.mark.rule("Y4")
@pytest.mark.parametrize("command", ["stats", "check", "reopen", "doctor"])
def test_a_command_names_a_missing_extra_in_one_line(command: str) -> None:
    done = without("psycopg", f"sys.exit(main(['{command}', '--store', url]))")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usercore: {REASON}")
    assert done.stderr.count("\n") == 1
