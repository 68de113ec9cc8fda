"""Complete the lists that follow from the code: public names, the layer of the capabilities, folders, ports, classes.

Lines that a person wrote stay where prose is better: what the glossary and the index of the documents say of a class or
page is kept, and only what is missing gets a line from its docstring or title.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from scripts.reference import ROOT, asked_to_check

WIDTH: Final = 120
INDENT: Final = " " * 4
CORE: Final = ROOT / "usercore"
PACKAGES: Final = ("usercore", "usercore.aio", "usercore.forms", "usercore_storage", "usercore_web")
"""The packages whose public classes are in the glossary."""

_CAPABILITIES: Final = re.compile(r"(-- capabilities, independent of each other --\n)(?:  .*\n)+")
_LAYER: Final = re.compile(r'^    "\(\w+\)(?: \| \(\w+\))+",$', re.MULTILINE)
_PORTS: Final = re.compile(r"^(?:\| `usercore/\S+\.py` \| .* \|\n)+", re.MULTILINE)
_ROWS: Final = re.compile(r"^(?:\| `\w+` \| .* \|\n)+", re.MULTILINE)
_NAME: Final = re.compile(r"\| `(\w+)` ")
_SECTION: Final = "(#+ {}\n\n(?:- .*\n)+)"


def with_public_names(text: str) -> str:
    """Return ``usercore/__init__.py`` with the names of the descriptors in imports, ``_MODULES`` and ``__all__``.

    The imports, which only type checkers read, are where the names of other packages are written by hand.
    """
    lines, tree = text.splitlines(keepends=True), ast.parse(text)
    described = {file.parent.name: public_in(file) for file in CORE.glob("*/capability.py")}
    del described["kernel"]  # it has the class of descriptors
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module is not None]
    kept = {str(node.module): node for node in imports if str(node.module).split(".")[1] not in described}
    blocks = {module: "".join(lines[node.lineno - 1 : node.end_lineno]) for module, node in kept.items()}
    modules = {alias.name: module for module, node in kept.items() for alias in node.names}
    for folder, public in described.items():
        for module, some in by_module(folder, public).items():
            blocks[module] = import_of(module, some, indent=INDENT)
            modules |= dict.fromkeys(some, module)
    names = sorted(modules, key=by_case)
    head, tail = "".join(lines[: imports[0].lineno - 1]), "".join(lines[block.end_lineno :])
    for start, items, end in (
        ("_MODULES: Final = {\n", [f'    "{name}": "{modules[name]}",\n' for name in names], "}\n"),
        ("__all__ = [\n", [f'    "{name}",\n' for name in names], "]\n"),
    ):
        before, _, rest = tail.partition(start)
        tail = before + start + "".join(items) + end + rest.partition(end)[2]
    return head + "".join(blocks[module] for module in sorted(blocks)) + tail


def public_in(descriptor: Path) -> list[str]:
    """Return the public names of a descriptor, without importing it: what it names may be missing from the package."""
    tree = ast.parse(descriptor.read_text("utf-8"))
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "public"]
    return [name for value in found for name in ast.literal_eval(value)]


def by_module(folder: str, public: Sequence[str]) -> Mapping[str, list[str]]:
    """Return the public names of a capability by the modules that define them.

    Raises:
        SystemExit: no module defines a name.
    """
    found: dict[str, list[str]] = {}
    defined = {
        name: f"usercore.{folder}.{file.stem}"
        for file in sorted((CORE / folder).glob("*.py"))
        for name in defined_in(ast.parse(file.read_text("utf-8")))
    }
    for name in public:
        if name not in defined:
            sys.exit(f"usercore/{folder}/capability.py: public has {name}, which no module of the folder defines")
        found.setdefault(defined[name], []).append(name)
    return found


def defined_in(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module defines itself."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            if isinstance(target, ast.Name):
                yield target.id


def by_case(name: str) -> tuple[int, str]:
    """Sort constants first, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def import_of(module: str, names: Sequence[str], *, indent: str = "") -> str:
    """Return the import of these names as the formatter writes it."""
    in_order = sorted(names, key=lambda name: (by_case(name)[0], name.lower()))
    line = f"{indent}from {module} import {', '.join(in_order)}\n"
    listed = "".join(f"{indent}    {name},\n" for name in in_order)
    return line if len(line) <= WIDTH + 1 else f"{indent}from {module} import (\n{listed}{indent})\n"


def capabilities() -> list[str]:
    """Return the names of the capabilities in the order of the catalogue."""
    return [one.name for one in import_module("usercore.storage").CATALOGUE]


def with_layer(text: str) -> str:
    """Return ``pyproject.toml`` with the layer of the capabilities."""
    layer = " | ".join(f"({name})" for name in capabilities())
    return _LAYER.sub(f'    "{layer}",', text)


def with_folders(text: str) -> str:
    """Return ``ARCHITECTURE.md`` with the folders of the capabilities."""
    folders = textwrap.fill(" ".join(f"{name}/" for name in capabilities()), WIDTH - 2, break_on_hyphens=False)
    return _CAPABILITIES.sub(lambda found: f"{found[1]}{textwrap.indent(folders, '  ')}\n", text)


def with_ports(text: str) -> str:
    """Return the page about storages with the repositories of each port."""
    rows = []
    for base in import_module("usercore.storage").Unit.__mro__[1:]:
        names = [f"`{name}`" for name, value in vars(base).items() if isinstance(value, property)]
        if names and base.__module__.startswith("usercore."):
            rows.append(f"| `{Path(inspect.getfile(base)).relative_to(ROOT)}` | {', '.join(names)} |\n")
    return _PORTS.sub("".join(rows), text)


def with_classes(text: str) -> str:
    """Return the glossary with a line for each public class: the one that it has, or one from the docstring."""
    (table,) = [found[0] for found in _ROWS.finditer(text)]
    lines = {match[1]: line for line in table.splitlines(keepends=True) if (match := _NAME.match(line))}
    packages = [import_module(name) for name in PACKAGES]
    classes = {name: getattr(package, name) for package in packages for name in package.__all__}
    rows = [
        lines.get(name) or f"| `{name}` | - | {meaning_of(one)} |\n"
        for name, one in sorted(classes.items(), key=lambda item: item[0].lower())
        if inspect.isclass(one)
    ]
    return text.replace(table, "".join(rows))


def meaning_of(cls: Any) -> str:  # noqa: ANN401 - any class
    """Return the first line of a class's docstring as the glossary writes it."""
    line = (inspect.getdoc(cls) or "").partition("\n")[0].rstrip(".")
    return line[:1].lower() + line[1:]


def with_pages(text: str) -> str:
    """Return the index with a link to each how-to page and each decision, new ones at the end of a section."""
    for title, folder in (("Keep what belongs to users", "how-to"), ("Decisions", "adr")):
        files = sorted((ROOT / "docs" / folder).glob("*.md"))
        missing = [file for file in files if f"]({folder}/{file.name})" not in text]
        links = "".join(f"- [{title_of(file)}]({folder}/{file.name})\n" for file in missing)
        text = re.sub(_SECTION.format(title), lambda found, links=links: found[1] + links, text)  # type: ignore[misc]
    return text


def title_of(page: Path) -> str:
    """Return the title of a page."""
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


LISTS: Final[Mapping[str, Callable[[str], str]]] = {
    "usercore/__init__.py": with_public_names,
    "pyproject.toml": with_layer,
    "ARCHITECTURE.md": with_folders,
    "docs/how-to/write-a-storage.md": with_ports,
    "docs/glossary.md": with_classes,
    "docs/index.md": with_pages,
}
"""The files with lists. The public names are first: the other lists import them."""


def missing_in(name: str) -> list[str]:
    """Return the lines that a file lacks, or has too much, with a plus or minus."""
    before = (ROOT / name).read_text("utf-8")
    old, new = before.splitlines(), LISTS[name](before).splitlines()
    return [f"-{line}" for line in old if line not in new] + [f"+{line}" for line in new if line not in old]


def main() -> None:
    """Write the lists, or end with status 1 if one is incomplete."""
    check = asked_to_check(__doc__)
    for name, made in LISTS.items():
        file = ROOT / name
        before = file.read_text("utf-8")
        after = made(before)
        if check and after != before:
            sys.exit(f"{name} is not up to date: run `make docs`\n" + "\n".join(missing_in(name)))
        if after != before:
            file.write_text(after, "utf-8")


if __name__ == "__main__":
    main()
