"""Each error has a code of its own, which hosts may rely on."""

import re
from collections import Counter

import pytest

from scripts.make_errors import find_errors
from usercore.kernel.errors import UsercoreError

ERRORS = find_errors()
pytestmark = pytest.mark.rule("ERR")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_its_code_names_folder_and_state(error: type[UsercoreError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", vars(error).get("code", "")), "a code of its own"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_a_capabilitys_codes_begin_with_its_folder(error: type[UsercoreError]) -> None:
    folder = error.__module__.split(".")[1]
    # What several capabilities raise lives in the kernel, and a workflow may speak for any of them.
    assert folder in {"kernel", "workflows", error.code.partition(".")[0]}


def test_no_two_errors_share_a_code() -> None:
    uses = Counter(error.code for error in ERRORS)
    assert [code for code, times in uses.items() if times > 1] == []
