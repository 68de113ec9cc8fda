"""Without its extra the storage names what to install."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules["{missing}"] = None
import usercore
usercore.open("postgresql://localhost/people")
"""


@pytest.mark.parametrize("missing", ["psycopg", "psycopg_pool"])
def test_a_missing_extra_is_named(missing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(missing=missing)], check=False, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1].startswith("ImportError: a postgresql:// store needs psycopg and its pool")
