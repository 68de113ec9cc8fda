"""The frame of every command: its options, the opened store, and what it does with errors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

import click

import usercore
from usercore.importing.model import shown
from usercore.kernel.urls import scheme_of
from usercore_cli.failures import ExitStatus, Failed, failures
from usercore_cli.output import Output
from usercore_cli.parameters import json_option, operator_option, store_option, tenant_option

Work = Callable[..., ExitStatus | None]

URLS: Final = "expected a URL such as sqlite:///people.db, postgresql://user@host/name or memory://"


class Command(click.Command):
    """A command that does not repeat superfluous arguments in its error: one may be a password."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            UsageError: there are too many, or they do not fit.
        """
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            ctx.fail("too many arguments; what they are is not shown, as one may be a password")
        return rest


class Group(click.Group):
    """A noun, and the commands about it."""

    command_class = Command  # type: ignore[mutable-override]  # nothing assigns another one

    def __init__(self, *args: Any, **values: Any) -> None:  # noqa: ANN401 - as in click
        """Create the group; without a command its usage is an error and not a page of help."""
        super().__init__(*args, **{"no_args_is_help": False, **values})


def with_core(*, tenant: str | None = None, creates: bool = False) -> Callable[[Work], Work]:
    """Call the decorated function with a core and the output, and add the options that they need.

    Args:
        tenant: the tenant that it always works on; without one the option --tenant is added.
        creates: whether a store that is missing is created.
    """

    def decorate(work: Work) -> Work:
        @wraps(work)
        def run(*, url: str, operator: str, as_json: bool, **values: Any) -> ExitStatus | None:  # noqa: ANN401 - what work takes
            key = tenant or values.pop("tenant")
            with failures(as_json=as_json), opened(url, creates=creates) as core:
                return work(bound(core, key, operator), Output(as_json), **values)

        for add_option in (json_option, operator_option, *(() if tenant else (tenant_option,)), store_option):
            add_option(run)
        return run

    return decorate


@contextmanager
def opened(url: str, *, creates: bool, policy: usercore.Policy | None = None) -> Iterator[usercore.UserCore]:
    """Open a store for the duration of a ``with`` block.

    Raises:
        Failed: the URL is not valid, or there is no such file and the command does not create stores.
        StorageError: the store cannot be used.
    """
    try:
        if not creates and scheme_of(url) == "sqlite":
            _check_exists(url)
        core = usercore.open(url, policy=policy)
    except ValueError as error:
        raise Failed(f"{error}; {URLS}") from error
    with core:
        yield core


def _check_exists(url: str) -> None:
    from usercore_storage.sqlite.files import location_of  # noqa: PLC0415 - an engine is imported only when a URL names it

    path = location_of(url).path
    if not path.exists():
        raise Failed(f"found no file {str(path)!r}; usercore init creates a store")


def bound(core: usercore.UserCore, tenant: str, operator: str) -> usercore.UserCore:
    """Bind a core to a tenant and to an operator as the actor.

    Raises:
        Failed: there is no such tenant, or the name of the operator is malformed.
    """
    try:
        return core.tenant(tenant).bind(actor=usercore.Actor.operator(operator))
    except usercore.TenantNotFound as error:
        message = f"{error}: found no tenant {tenant!r}; expected the key of a tenant of this store"
        raise Failed(message, error=error) from error
    except usercore.Invalid as error:
        raise Failed(shown(error.errors), error=error) from error
