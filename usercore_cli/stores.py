"""``usercore init``, ``check``, ``repair``, ``verify``, ``spread``, ``backup``, ``cleanup``, ``stats``: stores."""

from pathlib import Path

import click

import usercore_storage
from usercore import UserCore
from usercore_cli import forms
from usercore_cli.command import URLS, Command, with_core
from usercore_cli.failures import ExitStatus, Failed, failures
from usercore_cli.output import Output
from usercore_cli.parameters import json_option, store_option
from usercore_cli.progress import progress


@click.command("init", cls=Command)
@with_core(tenant="system", creates=True)
def init(core: UserCore, output: Output) -> None:
    """Create a store, or bring its tables up to date."""
    keys = [tenant.key for tenant in core.tenants.list()]
    output.done(f"the store is ready; tenants: {', '.join(keys)}", {"tenants": keys})


@click.command("check", cls=Command)
@store_option
@json_option
def check(*, url: str, as_json: bool) -> ExitStatus:
    """Read every row of a store and report what is wrong. Changes nothing."""
    with failures(as_json=as_json):
        try:
            report = usercore_storage.check(url)
        except ValueError as error:
            raise Failed(f"{error}; {URLS}") from error
    output = Output(as_json)
    if as_json:
        output.record(forms.report(report, "operator"))
    else:
        _print_findings(report, output)
    return ExitStatus.DONE if report.is_clean else ExitStatus.REFUSED


@click.command("repair", cls=Command)
@click.option("--dry-run", is_flag=True, help="list what would be repaired, and change nothing")
@store_option
@json_option
def repair(*, dry_run: bool, url: str, as_json: bool) -> ExitStatus:
    """Repair claims and words of users, then check the store and report what is left."""
    with failures(as_json=as_json), progress(" repairs") as bar:
        try:
            done = usercore_storage.repair(url, dry_run=dry_run, on_progress=bar.show)
        except ValueError as error:
            raise Failed(f"{error}; {URLS}") from error
    output = Output(as_json)
    if as_json:
        output.record(forms.repair_report(done, "operator"))
    else:
        if done.repairs:
            output.rows([forms.repair(one, "operator") for one in done.repairs], ("kind", "table", "key"))
        click.echo(f"{len(done.repairs)} {'would be repaired' if dry_run else 'repaired'}", err=True)
        _print_findings(done.check, output)
    return ExitStatus.DONE if done.check.is_clean else ExitStatus.REFUSED


def _print_findings(report: usercore_storage.Report, output: Output) -> None:
    if report.is_clean:
        output.done(f"{report.rows} rows, no problem", {})
        return
    output.rows([forms.finding(one, "operator") for one in report.findings], ("kind", "table", "key", "problem"))
    if report.left_out:
        click.echo(f"{report.left_out} more are not listed", err=True)


@click.command("verify", cls=Command)
@click.option("--only", metavar="EXPRESSION", help="the cases whose names match, as for pytest -k; else all")
@store_option
@json_option
def verify(*, only: str | None, url: str, as_json: bool) -> ExitStatus:
    """Run the contract of storages on a server, in a schema or file of its own. Leaves the store alone."""
    with failures(as_json=as_json):
        try:
            report = usercore_storage.verify(url, only=only)
        except ValueError as error:
            raise Failed(f"{error}; {URLS}") from error
    if report.output and not as_json:
        click.echo(report.output, err=True)
    for sentence in report.left_out:
        click.echo(sentence, err=True)
    Output(as_json).done(
        f"{report.passed} cases passed, {len(report.failed)} failed", forms.verify_report(report, "operator")
    )
    return ExitStatus.DONE if report.is_passed else ExitStatus.REFUSED


@click.command("spread", cls=Command)
@click.option("--shards", type=click.IntRange(2, 1024), default=32, show_default=True, help="parts of each table")
@store_option
@json_option
def spread(*, shards: int, url: str, as_json: bool) -> None:
    """Spread the tables of a store in Citus over its nodes, while nothing writes.

    Run it again after an interruption: it goes on where it was.
    """
    with failures(as_json=as_json), progress(" tables") as bar:
        try:
            report = usercore_storage.spread(url, shards=shards, on_progress=bar.show)
        except ValueError as error:
            raise Failed(f"{error}; {URLS}") from error
    Output(as_json).done(f"{len(report.tables)} tables spread", {"tables": list(report.tables)})


@click.command("backup", cls=Command)
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@store_option
@json_option
def backup(path: Path, *, url: str, as_json: bool) -> None:
    """Copy a SQLite store, which may be in use, into a new file."""
    with failures(as_json=as_json), progress(" pages") as bar:
        try:
            usercore_storage.backup(url, path, on_progress=bar.show)
        except FileExistsError as error:
            raise Failed(f"{path} exists already; choose another name") from error
        except ValueError as error:
            raise Failed(str(error)) from error
    Output(as_json).done(f"copied to {path}", {"path": str(path)})


@click.command("cleanup", cls=Command)
@with_core(tenant="system")
def cleanup(core: UserCore, output: Output) -> None:
    """Remove what is past its retention, in all tenants, and count it."""
    output.record(forms.cleaned(core.cleanup()))


@click.command("stats", cls=Command)
@click.option("--hashes", is_flag=True, help="count the formats and ages of password hashes instead; reads every one")
@with_core()
def stats(core: UserCore, output: Output, *, hashes: bool) -> None:
    """Count the registrations and the active users of a tenant."""
    if hashes:
        counts = [forms.hash_count(one, "operator") for one in core.statistics.hashes()]
        output.rows(counts, ("format", "pepper_id", "years", "count"))
        return
    figures = forms.figures(core.statistics.widgets(), "operator")
    output.record(figures if output.as_json else {name: n for name, n in figures.items() if name != "by_day"})
