"""The glossary has every public class, and nothing else."""

import inspect
import re
from pathlib import Path

import usercore.aio
import usercore.forms
import usercore_storage
import usercore_web
from tests.docs.pages import text_of

ROW = re.compile(r"^\| `(\w+)` \| (\S.*\S|-) \| (\S.*\S) \|$", re.MULTILINE)


def test_each_public_class_has_a_line() -> None:
    packages = (usercore, usercore.aio, usercore.forms, usercore_storage, usercore_web)
    public = [name for one in packages for name in one.__all__ if inspect.isclass(getattr(one, name))]
    named = [name for name, _, _ in ROW.findall(text_of(Path("docs/glossary.md")))]
    assert named == sorted(public, key=str.lower)
