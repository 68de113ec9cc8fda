"""``usercore tenant``: listing, creating, activating and deactivating tenants."""

from typing import Final

import click

from usercore import Tenant, UserCore, forms
from usercore_cli.command import Group, with_core
from usercore_cli.output import Output
from usercore_cli.pages import rows_of

COLUMNS: Final = ("id", "key", "name", "active", "time_zone", "language")


@click.group("tenant", cls=Group)
def tenant() -> None:
    """List, create, activate and deactivate tenants."""


@tenant.command("list")
@with_core(tenant="system")
def list_tenants(core: UserCore, output: Output) -> None:
    """List the tenants by name."""
    output.rows([forms.tenant(one, "operator") for one in rows_of(core.tenants.list)], COLUMNS)


@tenant.command("create")
@click.argument("key")
@click.argument("name")
@click.option("--description", help="for operators")
@click.option("--time-zone", metavar="ZONE", default="UTC", help="such as Europe/Berlin (UTC)")
@click.option("--country", metavar="CODE", help="two characters of ISO 3166-1, such as DE")
@click.option("--language", metavar="TAG", default="en", help="of BCP 47, such as de (en)")
@with_core(tenant="system")
def create(
    core: UserCore,
    output: Output,
    key: str,
    name: str,
    *,
    description: str | None,
    time_zone: str,
    country: str | None,
    language: str,
) -> None:
    """Create a tenant. Its key never changes."""
    created = core.tenants.create(
        key, name, description=description, time_zone=time_zone, country=country, language=language
    )
    output.done(f"created tenant {created.key}", forms.tenant(created, "operator"))


@tenant.command("activate")
@click.argument("key")
@with_core(tenant="system")
def activate(core: UserCore, output: Output, key: str) -> None:
    """Activate a tenant, so that its users can sign in again."""
    _print_state(output, core.tenants.activate(key))


@tenant.command("deactivate")
@click.argument("key")
@with_core(tenant="system")
def deactivate(core: UserCore, output: Output, key: str) -> None:
    """Deactivate a tenant: its users cannot sign in, and its tokens are not accepted."""
    _print_state(output, core.tenants.deactivate(key))


def _print_state(output: Output, changed: Tenant) -> None:
    state = "active" if changed.active else "inactive"
    output.done(f"tenant {changed.key} is {state}", forms.tenant(changed, "operator"))
