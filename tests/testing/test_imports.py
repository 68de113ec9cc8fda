"""The shipped tools for tests load where warnings are errors, and pytest is strict or missing."""

import subprocess
import sys
from pathlib import Path

import pytest

FAKES = "NOON TICK FakeClock FakeGate FakeHasher FakeRandomness FaultyStorage MemoryMailer WatchedStorage samples"
BLOCK = "import sys; sys.modules.update(dict.fromkeys(['hypothesis', 'pytest', '_pytest']))\n"
ROOT = Path(__file__).resolve().parents[2]

HOSTS_TEST = """
from usercore.testing import FakeClock, FakeHasher, MemoryMailer
from usercore import Host, UserCore
from usercore_storage import memory

def test_with_fakes():
    core = UserCore.over(memory.open_storage("memory://"), Host(clock=FakeClock(), hasher=FakeHasher()))
    assert core.registration.register("ann@example.com").created
"""
FIXTURES_TEST = """
from datetime import timedelta

import pytest

def test_with_fixtures(usercore_core, usercore_clock):
    before = usercore_clock()
    usercore_clock.advance(timedelta(days=1))
    user = usercore_core.registration.register("ann@example.com", password="a long enough password").user
    assert user.created_at - before == timedelta(days=1)

@pytest.mark.rule("Y1")
def test_with_a_mark():
    pass
"""
CONTRACTS_TEST = """
import pytest
from usercore.testing import StorageContract, units_of
from usercore_storage import memory

class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self):
        storage = memory.open_storage("memory://")
        yield storage
        storage.close()
"""
PLUGIN = 'pytest_plugins = ["usercore.testing.plugin"]\n'
BLOCK_HYPOTHESIS = "import sys; sys.modules['hypothesis'] = None\n"


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def run_pytest(folder: Path, test: str, *options: str, conftest: str = "") -> str:
    folder.joinpath("test_host.py").write_text(test)
    folder.joinpath("conftest.py").write_text(conftest)
    command = [sys.executable, "-m", "pytest", "-W", "error", "--strict-markers", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        [*command, str(folder)], cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_fakes_need_neither_pytest_nor_hypothesis() -> None:
    program = f"{BLOCK}from usercore.testing import {', '.join(FAKES.split())}; print('loaded', FakeClock()() == NOON)"
    assert run(program) == "loaded True\n"


@pytest.mark.parametrize("name", ["Contract", "StorageContract", "units_of"])
def test_the_contract_names_what_is_missing(name: str) -> None:
    assert "ModuleNotFoundError" in run(f"{BLOCK}from usercore.testing import {name}")


def test_no_tool_for_tests_is_loaded_with_the_fakes() -> None:
    program = (
        "import sys, usercore.testing; print({'pytest', 'hypothesis', 'usercore.testing.contracts'} & {*sys.modules})"
    )
    assert run(program) == "set()\n"


def test_an_unknown_name_is_refused() -> None:
    assert "has no attribute 'FakeClok'" in run("import usercore.testing; usercore.testing.FakeClok")


def test_a_host_uses_the_fakes_under_strict_settings_and_without_hypothesis(tmp_path: Path) -> None:
    assert "1 passed" in run_pytest(tmp_path, HOSTS_TEST, "-p", "no:hypothesispytest", conftest=BLOCK_HYPOTHESIS)


def test_the_plug_in_brings_fixtures_and_the_mark_without_hypothesis(tmp_path: Path) -> None:
    conftest = BLOCK_HYPOTHESIS + PLUGIN
    assert "2 passed" in run_pytest(tmp_path, FIXTURES_TEST, "-p", "no:hypothesispytest", conftest=conftest)


def test_without_the_plug_in_the_mark_is_unknown(tmp_path: Path) -> None:
    assert "'rule' not found in `markers`" in run_pytest(tmp_path, FIXTURES_TEST)


@pytest.mark.parametrize("options", [(), ("-p", "usercore.testing.report")], ids=["plug-in", "report too"])
def test_the_contract_runs_under_strict_settings(tmp_path: Path, options: tuple[str, ...]) -> None:
    said = run_pytest(tmp_path, CONTRACTS_TEST, "-k", "test_parts_are", *options, conftest=PLUGIN)
    assert "2 passed" in said, said
