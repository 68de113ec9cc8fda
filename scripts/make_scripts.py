"""Make ``usercore/kernel/unicode14_scripts.py``: Script_Extensions and Default_Ignorable_Code_Point of Unicode 14.

The properties are read from the ``regex`` package, whose release 2022.9.11 is the last one that has Unicode 14. Only
this script needs it: run ``python -m scripts.make_scripts`` in an environment with ``regex==2022.9.11``.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from usercore.kernel.unicode14 import is_assigned

FILE = Path(__file__).resolve().parent.parent / "usercore" / "kernel" / "unicode14_scripts.py"
ANY = "*"
"""Stands for Common and Inherited: such characters occur with every script. Source: UTS 39, 5.1."""

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
WIDTH = 112

TEMPLATE = '''\
"""Script_Extensions and Default_Ignorable_Code_Point of Unicode 14.0.0; written by ``scripts/make_scripts.py``.

The runs are pairs in base 36: a length in code points, then the index of the scripts that occur with these characters.
Code points that Unicode 14 does not assign belong to the run before them: identifiers cannot contain them. The tables
are parsed when the first name that is not ASCII is checked. Source: Unicode 14.0.0, ScriptExtensions.txt, Scripts.txt
and DerivedCoreProperties.txt.
"""

from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import Final

_SCRIPTS: Final = (
{scripts}
)
_RUNS: Final = (
{runs}
)
_IGNORABLE: Final = (
{ignorable}
)
"""The first code points, in base 36, of alternating runs: not ignorable, ignorable, not ignorable, ..."""


def scripts_of(character: str) -> frozenset[str] | None:
    """Return the scripts that this assigned character occurs with, as ISO 15924 codes; None if it goes with all."""
    starts, scripts = _script_runs()
    return scripts[bisect_right(starts, ord(character)) - 1]


def is_ignorable(character: str) -> bool:
    """Return whether this character has the property Default_Ignorable_Code_Point, so that it may be invisible."""
    return bisect_right(_ignorable_starts(), ord(character)) % 2 == 0


@cache
def _ignorable_starts() -> list[int]:
    return [int(number, 36) for number in _IGNORABLE.split()]


@cache
def _script_runs() -> tuple[list[int], list[frozenset[str] | None]]:
    sets = [None if codes == "*" else frozenset(codes.split("+")) for codes in _SCRIPTS.split()]
    numbers = [int(number, 36) for number in _RUNS.split()]
    return [0, *accumulate(numbers[::2])], [sets[index] for index in numbers[1::2]]
'''


def read_scripts() -> list[str]:
    """Return the scripts of each code point, joined by ``+``; an unassigned one has those of the code point before."""
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    found: dict[int, list[str]] = {}
    for code in script_codes():
        for match in import_module("regex").finditer(rf"\p{{Script_Extensions={code}}}", everything):
            found.setdefault(match.start(), []).append(code)
    scripts: list[str] = []
    for number, character in enumerate(everything):
        codes = found[number]
        scripts.append("+".join(codes) if is_assigned(character) else scripts[-1])
    return [ANY if codes in {"Zinh", "Zyyy", "Zzzz"} else codes for codes in scripts]


def script_codes() -> list[str]:
    """Return the ISO 15924 codes of all scripts that the package knows, sorted."""
    core: Any = import_module("regex._regex_core")
    _, values = core.PROPERTIES["SCRIPTEXTENSIONS"]
    names = [name for name in values if len(name) == len("Latn") and not name.startswith("QAA")]
    return sorted({values[name]: name.title() for name in names}.values())  # the code is the last of a script's names


def in_base_36(number: int) -> str:
    """Return a number's digits in base 36."""
    rest, digit = divmod(number, 36)
    return (in_base_36(rest) if rest else "") + DIGITS[digit]


def quoted(words: Iterable[str]) -> str:
    """Return lines of string literals that join to the words with blanks between them."""
    return "\n".join(f'    "{line} "' for line in wrap(" ".join(words), WIDTH))


def ignorable_starts() -> list[int]:
    """Return the code points where the property Default_Ignorable_Code_Point changes, from 0."""
    is_ignorable: Any = import_module("regex").compile(r"\p{Default_Ignorable_Code_Point}").match
    runs = groupby(range(sys.maxunicode + 1), lambda number: is_ignorable(chr(number)) is not None)
    return [next(numbers) for _, numbers in runs]


def main() -> None:
    """Write the module."""
    scripts = read_scripts()
    sets = sorted(set(scripts))
    runs = [(codes, sum(1 for _ in run)) for codes, run in groupby(scripts)]
    numbers = [in_base_36(number) for codes, length in runs for number in (length, sets.index(codes))]
    ignorable = map(in_base_36, ignorable_starts())
    text = TEMPLATE.format(scripts=quoted(sets), runs=quoted(numbers), ignorable=quoted(ignorable))
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
