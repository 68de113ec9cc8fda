"""Comments, docstrings, names and pages avoid words that engineers in this field do not use for these things.

Strings that are not docstrings may be data, such as SQL or the inputs of a test, and are not read.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
THIS: Final = "tests/docs/test_words.py"

WORDS: Final = {
    "nobody": r"(?<![a-z])nobody(?![a-z])",
    "somebody": r"(?<![a-z])somebody(?![a-z])",
    "whoever": r"(?<![a-z])whoever(?![a-z])",
    "stranger": r"(?<![a-z])strangers?(?![a-z])",
    "letter": r"(?<![a-z])letters?(?![a-z])",
    "lane": r"(?<![a-z])lanes?(?![a-z])",
    "glass": r"(?<![a-z])glass(es)?(?![a-z])",
    "glance": r"(?<![a-z])glances?(?![a-z])",
    "afresh": r"(?<![a-z])afresh(?![a-z])",
    "leave behind": r"(?<![a-z])(leaves?|leaving|left)[ _]behind(?![a-z])",
    "a newcomer": r"(?<![a-z])a[ _]newcomer(?![a-z])",
}
"""Each word, as a pattern of lower-case text. Parts of names count: ``_`` separates words."""

CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where the words of ``CamelCase`` meet."""

VERBS: Final = ("Give", "Keep", "Say", "Tell", "Look", "Let")
"""First words that a docstring must not have: the standard library says Return, Store, Check, Iterate over."""

_UNIX_USER: Final = {"nobody": "the name of a Unix user"}
_ARGON2: Final = {"lane": "a parameter of Argon2"}
_ALPHABET: Final = {"letter": "a letter of the alphabet"}

ALLOWED: Final[dict[str, dict[str, str]]] = {
    "benchmarks/django_peer/hashers.py": _ARGON2,
    "benchmarks/passwords.py": _ARGON2,
    "docs/explanation/throttling.md": _ARGON2,
    "docs/reference/clauses.md": _ARGON2,
    "docs/reference/policies.md": _ARGON2,
    "examples/make_customers.py": _ALPHABET,
    "tests/compliance/test_checks.py": _ARGON2,
    "tests/faults/fork_helpers.py": _UNIX_USER,
    "tests/faults/scenario.py": _ARGON2,
    "tests/faults/test_files.py": _UNIX_USER,
    "tests/faults/test_forks.py": _ARGON2,
    "tests/importing/test_password_hashes.py": _ARGON2,
    "tests/kernel/test_secret.py": _ALPHABET,
    "tests/passwords/test_hasher.py": _ARGON2,
    "tests/passwords/test_imported_hashes.py": _ARGON2,
    "tests/sign_in/test_sign_in.py": _ARGON2,
    "tests/test_policies.py": _ARGON2,
    "tests/sqlite/test_refused_stores.py": _UNIX_USER,
    "tests/sqlite/test_urls_and_reasons.py": _UNIX_USER,
    "usercore/kernel/countries.py": _ALPHABET,
    "usercore/passwords/hasher.py": _ARGON2,
    "usercore/passwords/imported_hashes.py": _ARGON2,
    "usercore/passwords/model.py": _ARGON2,
    "usercore/passwords/stored_hash.py": _ARGON2,
    "usercore/passwords/strength.py": _ALPHABET,
    "usercore/testing/strategies.py": _ALPHABET,
    "usercore/users/characters.py": _ALPHABET,
    "usercore/users/emails.py": _ALPHABET,
    "usercore/users/usernames.py": _ALPHABET,
    "usercore/users/words.py": _ALPHABET,
}
"""By file, the words that it may have, each with the reason."""

OUTSIDE: Final = ("CHANGELOG.md", "docs/adr/")
"""History: what was written once stays as it is."""


def found_in(text: str) -> set[str]:
    """Return the words of the list that a text has."""
    lowered = CAMEL.sub("_", text).lower()
    return {word for word, pattern in WORDS.items() if word.split()[-1] in lowered and re.search(pattern, lowered)}


def names_in(tree: ast.AST) -> Iterator[str]:
    """Yield every name that the module defines or uses."""
    for node in ast.walk(tree):
        for field in ("name", "id", "arg", "attr", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def docstrings_in(tree: ast.AST) -> Iterator[str]:
    """Yield the docstrings of modules, classes and functions, and the strings below attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


def prose_of(source: str) -> str:
    """Return the comments, docstrings and names of a module, one a line."""
    tree = ast.parse(source)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join([*docstrings_in(tree), *set(names_in(tree)), *comments])


def problems_in(path: str, text: str) -> set[str]:
    """Return the words of the list in a file, and the first words of its docstrings that are not allowed."""
    if not path.endswith(".py"):
        return found_in(text) - ALLOWED.get(path, {}).keys()
    if not found_in(text) and not any(f'"""{verb}' in text for verb in VERBS):
        return set()  # spares parsing most files
    words = found_in(prose_of(text)) - ALLOWED.get(path, {}).keys()
    firsts = {(one.split() or [""])[0] for one in docstrings_in(ast.parse(text))}
    return words | {f'"""{verb}' for verb in VERBS if verb in firsts}


@cache
def problems() -> dict[str, set[str]]:
    """Return the problems of all files by path."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith((".", "dist"))]
    files = [file for one in (ROOT, *folders) for file in (one.glob("*.*") if one == ROOT else one.rglob("*.*"))]
    paths = {str(file.relative_to(ROOT)): file for file in files if file.suffix in {".py", ".md"}}
    read = {path: file for path, file in paths.items() if path != THIS and not path.startswith(OUTSIDE)}
    return {path: problems_in(path, file.read_text("utf-8")) for path, file in read.items()}


def test_no_file_uses_a_word_of_the_list() -> None:
    assert {path: words for path, words in problems().items() if words} == {}


def test_an_allowed_word_occurs() -> None:
    for path, reasons in ALLOWED.items():
        text = (ROOT / path).read_text("utf-8")
        found = found_in(text) if path.endswith(".md") else found_in(prose_of(text))
        assert reasons.keys() <= found, path


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""Give a user."""', {'"""Give'}),
        ("# nobody reads this", {"nobody"}),
        ("def test_nobody_waits(): ...", {"nobody"}),
        ("class LetterBox: ...", {"letter"}),
        ("import strangers", {"stranger"}),
        ("x.glance = 1", {"glance"}),
        ("query = 'SELECT nobody'", set()),
        ('"""Return what a fork left behind."""', {"leave behind"}),
    ],
)
def test_comments_docstrings_and_names_are_read_and_data_is_not(source: str, found: set[str]) -> None:
    assert problems_in("some.py", source) == found
