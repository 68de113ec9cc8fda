"""What commands print: tables for people, or the same data as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from unicodedata import east_asian_width

import click

from usercore.kernel.values import frozen

_GAP: Final = "  "


@frozen
class Output:
    """Prints plain data to standard output."""

    as_json: bool

    def record(self, form: Mapping[str, Any]) -> None:
        """Print one object: a line for each value that is not empty, or JSON."""
        if self.as_json:
            click.echo(json.dumps(form))
            return
        lines = [(name, _cell(value)) for name, value in form.items()]
        _print_aligned([line for line in lines if line[1]])

    def rows(self, forms: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Print some columns of a list of objects as a table, or all of them as a JSON array."""
        if self.as_json:
            click.echo(json.dumps(forms))
            return
        titles = tuple(name.upper() for name in columns)
        _print_aligned([titles, *(tuple(_cell(form.get(name)) or "-" for name in columns) for form in forms)])

    def done(self, text: str, form: Mapping[str, Any]) -> None:
        """Print a sentence that says what was done, or the same as JSON."""
        click.echo(json.dumps(form) if self.as_json else _printable(text))


def _print_aligned(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo(_GAP.join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, map(_cell, value)))
    return _printable(str(value))


def _printable(text: str) -> str:
    """Return text without control and direction characters, which could change what a terminal shows."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(one) in "FW" else 1 for one in text)
