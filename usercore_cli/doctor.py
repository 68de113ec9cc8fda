"""``usercore doctor``: the policy and a store against clauses of standards."""

import sys
from pkgutil import resolve_name
from typing import Final

import click

import usercore_storage
from usercore import Policy
from usercore_cli import forms
from usercore_cli.command import Command, bound, opened
from usercore_cli.failures import ExitStatus, failures
from usercore_cli.output import Output
from usercore_cli.parameters import json_option, operator_option, store_option
from usercore_cli.progress import progress

COLUMNS: Final = ("outcome", "check", "clauses", "title", "found", "expected")


class PolicyName(click.ParamType[Policy]):
    """The policy of a host, named as MODULE:NAME. The module is imported, also from the working directory."""

    name = "policy"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Policy:
        """Return the policy."""
        if isinstance(value, Policy):
            return value
        module, _, attribute = str(value).partition(":")
        if not module or not attribute:
            self.fail("expected MODULE:NAME, such as shop.settings:POLICY", param, ctx)
        sys.path.insert(0, "")  # the working directory
        try:
            found = resolve_name(str(value))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the module is the host's, and may raise anything
            self.fail(f"cannot import it: {type(error).__name__}: {error}", param, ctx)
        finally:
            sys.path.remove("")
        if not isinstance(found, Policy):
            self.fail(f"found {type(found).__name__}; expected a usercore.Policy", param, ctx)
        return found


@click.command("doctor", cls=Command)
@click.option(
    "--policy",
    type=PolicyName(),
    metavar="MODULE:NAME",
    help="the policy that your application passes to usercore.open; else the default one is examined",
)
@click.option("--skip", multiple=True, metavar="CHECK", help="a check whose risk you accept; may be repeated")
@click.option("--users", "max_users", type=click.IntRange(min=1), help="examine so many users at most")
@store_option
@operator_option
@json_option
def doctor(
    policy: Policy | None, skip: tuple[str, ...], max_users: int | None, *, url: str, operator: str, as_json: bool
) -> ExitStatus:
    """Check a policy and a store against clauses of NIST SP 800-63B-4 and OWASP ASVS. Changes nothing.

    What depends on the mailer and the password checks of your application is not known here.
    """
    with (
        failures(as_json=as_json),
        opened(url, creates=False, policy=policy) as core,
        progress(" users") as bar,
    ):
        report = bound(core, "system", operator).compliance.check(
            store=usercore_storage.access(url),
            skip=skip,
            max_users=max_users,
            knows_host=False,
            on_progress=bar.show,
        )
    form, output = forms.compliance(report, "operator"), Output(as_json)
    if as_json:
        output.record(form)
    else:
        output.rows(form["results"], COLUMNS)
        examined = "all" if report.is_complete else "only the first"
        click.echo(f"{len(report.failed)} failed; {examined} {report.users} active users were examined", err=True)
    return ExitStatus.REFUSED if report.failed else ExitStatus.DONE
