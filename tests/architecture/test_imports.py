"""``import usercore`` is cheap: it loads no storage, and no modules that only tests or few processes need."""

import subprocess
import sys

import pytest

LOADED = "import sys, usercore; print(*sys.modules)"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Return the modules that a new process has loaded after ``import usercore``."""
    done = subprocess.run([sys.executable, "-I", "-c", LOADED], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


SELDOM = ["cattrs", "email.message", "email_validator", "idna", "importlib.metadata", "logging", "zoneinfo", "zxcvbn"]


@pytest.mark.parametrize(
    "module", ["hypothesis", "pytest", "sqlite3", "sqlite_utils", "usercore.testing", "usercore_storage", *SELDOM]
)
def test_importing_usercore_does_not_load(module: str, loaded: set[str]) -> None:
    assert "usercore" in loaded
    assert module not in loaded
