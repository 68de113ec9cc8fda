"""Each error has a unique and stable code."""

import re
from collections import Counter

import pytest

from scripts.make_errors import find_errors
from tests.architecture.source import files
from usercore.kernel.errors import UsercoreError

ERRORS = find_errors()
CAPABILITIES = {path.parent.name for path in files("usercore") if path.name == "ports.py"} - {"importing"}
pytestmark = pytest.mark.rule("ERR")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_code_of_an_error_names_a_folder_and_a_state(error: type[UsercoreError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", vars(error).get("code", "")), "a code of its own"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_a_code_of_a_capability_begins_with_its_folder(error: type[UsercoreError]) -> None:
    folder = error.__module__.split(".")[1]
    # The kernel declares errors that several capabilities raise, and a use-case may raise those of any capability.
    assert folder not in CAPABILITIES or folder == error.code.partition(".")[0]


def test_no_two_errors_share_a_code() -> None:
    uses = Counter(error.code for error in ERRORS)
    assert [code for code, times in uses.items() if times > 1] == []
