"""``usercore user``: showing, finding, creating, changing and erasing users."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final, get_type_hints
from uuid import UUID

import click

from usercore import (
    AnyId,
    Email,
    Invalid,
    Reference,
    RegistrationFields,
    User,
    UserCore,
    Username,
    forms,
    user_id_of,
)
from usercore.users.fields import FIELDS
from usercore_cli.command import Group, with_core
from usercore_cli.failures import ExitStatus, Failed
from usercore_cli.output import Output
from usercore_cli.pages import rows_of
from usercore_cli.parameters import UserReference, read_password

COLUMNS: Final = ("id", "state", "email", "username", "external_id", "full_name")

_KINDS: Final[tuple[Callable[[str], Reference], ...]] = (user_id_of, UUID, Email, Username, AnyId)
"""What a text may stand for, when it is searched for."""


@click.group("user", cls=Group)
def user() -> None:
    """Show, find, create, change and erase users."""


@user.command("show")
@click.argument("ref", metavar="USER", type=UserReference())
@with_core()
def show(core: UserCore, output: Output, ref: Reference) -> None:
    """Show a user, the status of the account, and what belongs to the user; --json has the newest of every list."""
    form = forms.user_overview(core.history.detail(ref), "operator")
    if output.as_json:
        output.record(form)
        return
    lists = {
        "roles": [held["role"]["name"] for held in form["roles"]],
        "groups": [joined["group"]["name"] for joined in form["groups"]],
        "products": [grant["product_id"] for grant in form["products"]],
        "sources": [access["source"] for access in form["source_accesses"]["rows"]],
    }
    output.record({**form["user"], **form["status"], **lists})


@user.command("find")
@click.argument("text")
@with_core()
def find(core: UserCore, output: Output, text: str) -> ExitStatus:
    """List the users that have TEXT as an identifier; if there are none, those with emails or names that begin so."""
    found = list(_identified(core, text).values())
    if not found:
        every = partial(core.users.search, text, include_deactivated=True, include_unclaimed=True)
        found = list(rows_of(every))
    output.rows([forms.user(one, "operator") for one in found], COLUMNS)
    return ExitStatus.DONE if found else ExitStatus.REFUSED


def _identified(core: UserCore, text: str) -> dict[int, User]:
    found: dict[int, User] = {}
    for kind in _KINDS:
        try:
            one = core.users.find(kind(text))
        except (ValueError, Invalid):  # no such identifier can have this form
            continue
        if one is not None:
            found[one.id] = one
    return found


def _field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name in sorted(get_type_hints(RegistrationFields), reverse=True):
        command = click.option(f"--{name.replace('_', '-')}", name, help=FIELDS[name].meaning)(command)
    return command


@user.command("create")
@click.argument("email")
@click.option("--username", help="unique name to sign in with")
@click.option("--external-id", help="the id in a system of yours")
@click.option("--with-password", is_flag=True, help="read a password: from standard input, or prompted for")
@_field_options
@with_core()
def create(
    core: UserCore,
    output: Output,
    email: str,
    username: str | None,
    external_id: str | None,
    *,
    with_password: bool,
    **fields: Any,  # noqa: ANN401 - RegistrationFields
) -> None:
    """Register a user. No mail is sent, and without --with-password the user has no password."""
    password = read_password() if with_password else None
    given: RegistrationFields = {name: value for name, value in fields.items() if value is not None}  # type: ignore[assignment]
    created = core.registration.register(
        email,
        password=password,
        username=username,
        external_id=external_id,
        send_email=False,
        **given,
    ).user
    output.done(f"created user {created.id}", forms.user(created, "operator"))


@user.command("activate")
@click.argument("ref", metavar="USER", type=UserReference())
@with_core()
def activate(core: UserCore, output: Output, ref: Reference) -> None:
    """Activate a deactivated user, who can then sign in again."""
    _print_state(output, core.users.activate(ref))


@user.command("deactivate")
@click.argument("ref", metavar="USER", type=UserReference())
@with_core()
def deactivate(core: UserCore, output: Output, ref: Reference) -> None:
    """Deactivate a user and revoke the user's tokens."""
    _print_state(output, core.users.deactivate(ref))


def _print_state(output: Output, changed: User) -> None:
    output.done(f"user {changed.id} is {changed.state}", forms.user(changed, "operator"))


@user.command("set-password")
@click.argument("ref", metavar="USER", type=UserReference())
@with_core()
def set_password(core: UserCore, output: Output, ref: Reference) -> None:
    """Set the password of a user, read from standard input or prompted for, and revoke the user's tokens."""
    found = core.users.get(ref)
    changed = core.passwords.set(found.id, read_password())
    text = "has a new password" if changed else "has this password already"
    output.done(f"user {found.id} {text}", {"id": found.id, "changed": changed})


@user.command("erase")
@click.argument("ref", metavar="USER", type=UserReference())
@click.option("--reason", required=True, metavar="TEXT", help="why; the history of the user shows it to operators")
@click.option("--force", is_flag=True, help="ask no gate that may refuse")
@click.option("--yes", is_flag=True, help="do not ask for a confirmation")
@with_core()
def erase(core: UserCore, output: Output, ref: Reference, reason: str, *, force: bool, yes: bool) -> None:
    """Remove all that is personal about a user. This cannot be undone.

    Gates of an application that embeds usercore are not known here, so they cannot refuse.
    """
    found = core.users.get(ref)
    if not yes:
        _confirm(f"Erase user {found.id} for ever?")
    erased = core.privacy.erase(found.id, reason, force=force)
    output.done(f"user {erased.id} is {erased.state}", forms.user(erased, "operator"))


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise Failed("nothing was erased; --yes confirms it without a terminal")
    if not click.confirm(question, err=True):
        raise Failed("nothing was erased", ExitStatus.REFUSED)
