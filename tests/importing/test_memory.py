"""Memory use is constant: importing ten megabytes needs hardly more than importing one."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

pytestmark = pytest.mark.rule("R7")

MEGABYTE = 1 << 20

IMPORT = """
import resource, sys
import usercore
from usercore.importing.files import read_json_lines

peaks = []
with usercore.open("sqlite:///" + sys.argv[1]) as core:
    for name in sys.argv[2:]:
        with open(name, "rb") as file:
            report = core.registration.import_users(read_json_lines(file))
        assert not report.bad_count, report.bad[:3]
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(*peaks)
"""


def ordinary(start: int) -> Iterator[str]:
    for number in count(start):
        ids = {"external_id": number, "access_ids": [f"A-{number}"]}
        yield json.dumps({"email": f"person.{number}@example.com", "first_name": "Jana", "note": "x" * 700, **ids})


def with_long_notes(start: int) -> Iterator[str]:
    for number in count(start):
        yield json.dumps({"external_id": number, "note": "📞 " * 30_000}, ensure_ascii=False)


def write(file: Path, lines: Iterator[str], size: int) -> str:
    with file.open("w", encoding="utf-8") as out:
        while out.tell() < size:
            out.write(next(lines) + "\n")
    return str(file)


@pytest.mark.slow
@pytest.mark.parametrize("lines", [ordinary, with_long_notes])
def test_importing_ten_megabytes_needs_hardly_more_memory_than_one(
    tmp_path: Path, lines: Callable[[int], Iterator[str]]
) -> None:
    small = write(tmp_path / "small.jsonl", lines(1), MEGABYTE)
    large = write(tmp_path / "large.jsonl", lines(10**6), 10 * MEGABYTE)
    command = [sys.executable, "-c", IMPORT, str(tmp_path / "people.db"), small, large]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    first, second = map(int, done.stdout.split())
    assert second < 1.25 * first


def test_importing_usercore_does_not_load_modules_that_only_imports_of_users_need() -> None:
    loads = "import sys, usercore; assert not {'cattrs', 'tqdm', 'usercore.importing.files'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-I", "-c", loads], check=True)
