"""The program: its commands, and how it ends."""

from collections.abc import Sequence

import click

from usercore_cli import copies, stores
from usercore_cli.command import Group
from usercore_cli.doctor import doctor
from usercore_cli.exports import export
from usercore_cli.failures import MEANINGS, ExitStatus, Failed, report
from usercore_cli.imports import import_users
from usercore_cli.roles import role
from usercore_cli.tenants import tenant
from usercore_cli.tokens import token
from usercore_cli.users import user

STATUSES = "; ".join(f"{status} {meaning}" for status, meaning in MEANINGS.items())


@click.group(cls=Group, epilog=f"Exit status: {STATUSES}.")
def program() -> None:
    """Manage the users of a store: a SQLite file or a PostgreSQL database."""


ABOUT_STORES = (
    stores.init,
    import_users,
    export,
    stores.check,
    stores.repair,
    stores.verify,
    stores.spread,
    stores.backup,
    copies.copy,
    copies.reopen,
    stores.cleanup,
    stores.stats,
    doctor,
)
for command in (*ABOUT_STORES, user, token, tenant, role):
    program.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    try:
        status = program.main(arguments, prog_name="usercore", standalone_mode=False)
    except click.ClickException as failure:
        return report(failure)
    except click.Abort:
        return report(Failed("interrupted", ExitStatus.INTERRUPTED))
    except SystemExit:  # click exits by itself only here; its status 1 means something else
        return ExitStatus.PIPE_CLOSED
    return int(status or ExitStatus.DONE)
