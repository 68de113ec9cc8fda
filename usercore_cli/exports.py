"""``usercore export``: all data of a person."""

import json

import click

from usercore import Reference, UserCore
from usercore_cli.command import Command, with_core
from usercore_cli.output import Output
from usercore_cli.parameters import UserReference


@click.command("export", cls=Command)
@click.argument("ref", metavar="USER", type=UserReference())
@with_core()
def export(core: UserCore, output: Output, ref: Reference) -> None:
    """Print all data of a user as JSON: indented for people, or in one line with --json.

    Secrets and hashes are not in it, but what only operators see is, such as notes.
    """
    click.echo(json.dumps(core.privacy.export(ref), indent=None if output.as_json else 2))
