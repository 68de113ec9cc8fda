"""Parameters of commands: users, passwords, and the options that all commands share."""

import re
import sys
from collections.abc import Callable
from getpass import getuser
from typing import Any, Final, TypeVar
from uuid import UUID

import click

from usercore.kernel.errors import Invalid
from usercore.kernel.references import AccessId, Email, ExternalId, Reference, Username, user_id_of
from usercore_cli.failures import Failed

F = TypeVar("F", bound=Callable[..., Any])

_KINDS: Final[dict[str, Callable[[str], Reference]]] = {
    "email": Email,
    "username": Username,
    "external": ExternalId,
    "access": AccessId,
}
FORMS: Final = "an id, a UUID, an email, or username:NAME, external:ID, access:ID"

_is_uuid: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch


class UserReference(click.ParamType[Reference]):
    """The user that an argument names. Text that could be several kinds of identifiers is refused, not guessed."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Reference:  # noqa: ANN401 - as in click
        """Return the reference that a text stands for."""
        kind, separator, text = str(value).partition(":")
        try:
            return _KINDS[kind](text) if separator and kind in _KINDS else _guess(value)
        except (ValueError, Invalid):
            self.fail(f"expected {FORMS}", param, ctx)


def _guess(text: str) -> Reference:
    """Return what a text without a kind can only be.

    Raises:
        ValueError: it may be several kinds of identifiers.
        Invalid: it is not the id of a user.
    """
    if "@" in text:
        return Email(text)
    return UUID(text) if _is_uuid(text) else user_id_of(text)


def login_name() -> str:
    """Return the name of the account that runs this process.

    Raises:
        UsageError: the system knows none, as may be the case in a container.
    """
    try:
        return getuser()
    except (OSError, KeyError):
        raise click.UsageError("this process has no login name: pass --as NAME") from None


def read_password() -> str:
    """Read a new password: twice from a terminal, without showing it, or else a line of standard input.

    Raises:
        Failed: there is none.
    """
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    password = sys.stdin.readline().removesuffix("\n")
    if not password:
        raise Failed("expected a password as the first line of standard input")
    return password


def store_option(command: F) -> F:
    """Add the option that names the store."""
    return click.option(
        "--store",
        "url",
        metavar="URL",
        envvar="USERCORE_STORE",
        required=True,
        help="the store, such as sqlite:///people.db; else the variable USERCORE_STORE",
    )(command)


def operator_option(command: F) -> F:
    """Add the option that names the operator whom history shows as the actor."""
    return click.option(
        "--as",
        "operator",
        metavar="NAME",
        envvar="USERCORE_OPERATOR",
        default=login_name,
        help="the operator that history names; else the variable USERCORE_OPERATOR, else your login name",
    )(command)


def tenant_option(command: F) -> F:
    """Add the option that names the tenant."""
    return click.option("--tenant", metavar="KEY", default="main", help="the tenant of the users (main)")(command)


def json_option(command: F) -> F:
    """Add the option that prints JSON."""
    return click.option("--json", "as_json", is_flag=True, help="print JSON; errors, too")(command)
