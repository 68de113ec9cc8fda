"""``usercore role``: listing and creating roles, and giving them to users."""

from typing import Final

import click

from usercore import Reference, UserCore, forms
from usercore_cli.command import Group, with_core
from usercore_cli.output import Output
from usercore_cli.pages import rows_of
from usercore_cli.parameters import UserReference

COLUMNS: Final = ("id", "name", "active", "privileged", "permissions")


@click.group("role", cls=Group)
def role() -> None:
    """List and create roles, give them to users and take them."""


@role.command("list")
@with_core()
def list_roles(core: UserCore, output: Output) -> None:
    """List the roles of a tenant by name."""
    output.rows([forms.role(one, "operator") for one in rows_of(core.roles.list)], COLUMNS)


@role.command("create")
@click.argument("name")
@click.option("--permission", "permissions", multiple=True, help="what holders are allowed; may be repeated")
@click.option("--privileged", is_flag=True, help="holders can sign in by a password only")
@with_core()
def create(core: UserCore, output: Output, name: str, permissions: tuple[str, ...], *, privileged: bool) -> None:
    """Create a role."""
    created = core.roles.create(name, permissions=permissions, privileged=privileged)
    output.done(f"created role {created.name}", forms.role(created, "operator"))


@role.command("give")
@click.argument("ref", metavar="USER", type=UserReference())
@click.argument("name", metavar="ROLE")
@with_core()
def give(core: UserCore, output: Output, ref: Reference, name: str) -> None:
    """Assign a role, named by its name, to a user."""
    changed = core.roles.give(ref, name)
    output.done("given" if changed else "the user has this role already", {"changed": changed})


@role.command("take")
@click.argument("ref", metavar="USER", type=UserReference())
@click.argument("name", metavar="ROLE")
@with_core()
def take(core: UserCore, output: Output, ref: Reference, name: str) -> None:
    """Take a role, named by its name, from a user."""
    changed = core.roles.take(ref, name)
    output.done("taken" if changed else "the user does not have this role", {"changed": changed})
