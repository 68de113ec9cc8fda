"""Stores open while a tool that freezes time has replaced ``datetime`` by a subclass."""

import subprocess
import sys
from pathlib import Path

import pytest

FROZEN = """
import datetime, sys
real = datetime.datetime
{before}

class Frozen(real):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 5, 1, tzinfo=tz)

def freeze():
    datetime.datetime = Frozen
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {{}}).items()):
            if value is real and module.__name__ != "__main__":
                setattr(module, name, Frozen)

freeze()
import usercore
with usercore.open({url!r}) as core:
    made = core.registration.register("ann@example.com", username="ann", sign_in=True)
    created_at = real(2020, 1, 1, tzinfo=datetime.UTC)
    core.registration.import_users([{{"id": 7, "email": "bob@example.com", "created_at": created_at}}])
    user = core.sign_in.identify(made.access_token).user
    assert type(user.created_at) is real, type(user.created_at)
    assert user.created_at == real(2026, 5, 1, tzinfo=datetime.UTC)
    assert type(core.users.get(7).created_at) is real
    assert core.history.of_user(user.id).rows
print("opened")
"""

BEFORE = ["", "import usercore", "import usercore, usercore_storage.sqlite, usercore_storage.sqlite.storage"]


@pytest.mark.rule("U1")
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("url", ["sqlite:///people.db", "memory://"])
def test_a_store_opens_and_works_in_frozen_time(before: str, url: str, tmp_path: Path) -> None:
    code = FROZEN.format(before=before, url=url)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (run.stdout, run.stderr) == ("opened\n", "")
