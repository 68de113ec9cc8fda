"""usercore loads what is used: no storage, service or tool before, and no modules that only few processes need."""

import pickle
import subprocess
import sys

import pytest

import usercore
from tests.architecture.source import ROOT


def loaded_by(code: str) -> set[str]:
    """Return the modules that a new process has loaded after ``import usercore`` and this code."""
    return set(printed_by(f"import sys, usercore; {code}; print(*sys.modules)").split())


def printed_by(code: str) -> str:
    """Return what a new process prints that finds the packages of this checkout."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Return the modules that a new process has loaded when it can open a store."""
    return loaded_by("usercore.open")


SELDOM = ["cattrs", "email.message", "email_validator", "idna", "importlib.metadata", "logging", "zoneinfo", "zxcvbn"]
SERVICES = [
    "usercore.accounts.service",
    "usercore.address_book.service",
    "usercore.delivery.dispatcher",
    "usercore.importing.service",
    "usercore.maintenance.cleanup",
    "usercore.notifications.mails",
    "usercore.passkeys.verification",
    "usercore.privacy.steps",
    "usercore.registration.service",
    "usercore.sign_in.service",
    "usercore.views.service",
]


@pytest.mark.parametrize(
    "module",
    ["hypothesis", "pytest", "sqlite3", "sqlite_utils", "usercore.testing", "usercore_storage", *SELDOM, *SERVICES],
)
def test_what_opens_a_store_does_not_load(module: str, loaded: set[str]) -> None:
    assert "usercore.opening" in loaded
    assert module not in loaded


def test_importing_usercore_loads_none_of_its_modules() -> None:
    assert not [module for module in loaded_by("pass") if module.startswith("usercore.")]


def test_identifying_loads_no_service_of_another_use_case() -> None:
    code = "core = usercore.open('memory://'); core.sign_in.identify"
    loaded = loaded_by(code)
    assert "usercore.sign_in.service" in loaded
    assert loaded.isdisjoint(set(SERVICES) - {"usercore.sign_in.service"})


@pytest.mark.parametrize("name", usercore.__all__)
def test_every_public_name_can_be_loaded(name: str) -> None:
    assert getattr(usercore, name) is getattr(usercore, name)
    assert name in dir(usercore)


def test_all_public_names_can_be_imported_at_once() -> None:
    space: dict[str, object] = {}
    exec("from usercore import *", space)  # noqa: S102 - an import with a star is refused in functions
    assert space.keys() >= set(usercore.__all__)


def test_a_misspelt_name_is_no_attribute() -> None:
    assert not hasattr(usercore, "Usercore")
    with pytest.raises(AttributeError, match="module 'usercore' has no attribute 'Usercore'"):
        getattr(usercore, "Usercore")  # noqa: B009 - type checkers refuse the other form


def test_a_process_that_has_loaded_nothing_reads_pickled_values() -> None:
    value = usercore.Email("ann@example.com")
    code = f"import pickle; print(pickle.loads({pickle.dumps(value)!r}))"
    assert printed_by(code).strip() == repr(value)
