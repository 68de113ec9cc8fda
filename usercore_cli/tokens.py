"""``usercore token``: listing and revoking the tokens of users and of programs."""

from functools import partial
from typing import Final

import click

from usercore import Reference, TokenNotFound, UserCore, forms
from usercore_cli.command import Group, with_core
from usercore_cli.output import Output
from usercore_cli.pages import rows_of
from usercore_cli.parameters import UserReference

USER_COLUMNS: Final = ("kind", "public_id", "authenticator", "ip", "issued_at", "last_used_at", "expires_at")
API_COLUMNS: Final = ("public_id", "name", "active", "resources", "issued_at", "last_used_at", "expires_at")


@click.group("token", cls=Group)
def token() -> None:
    """List and revoke tokens, named by their public ids."""


@token.command("list")
@click.argument("ref", metavar="[USER]", type=UserReference(), required=False)
@with_core()
def list_tokens(core: UserCore, output: Output, ref: Reference | None) -> None:
    """List the access and autologin tokens of USER, or without one the API tokens of the tenant."""
    if ref is None:
        output.rows([forms.api_token(one, "operator") for one in rows_of(core.api_tokens.list)], API_COLUMNS)
        return
    access = [
        {"kind": "access", **forms.access_token(one, "operator")}
        for one in rows_of(partial(core.access_tokens.list, ref))
    ]
    autologin = [
        {**forms.limited_use_token(one, "operator"), "kind": "autologin"}
        for one in rows_of(partial(core.autologin_tokens.list, ref))
    ]
    output.rows([*access, *autologin], USER_COLUMNS)


@token.command("revoke")
@click.argument("public_id")
@click.option("--user", "ref", metavar="USER", type=UserReference(), help="whose token it is; else it is an API token")
@with_core()
def revoke(core: UserCore, output: Output, public_id: str, ref: Reference | None) -> None:
    """Revoke an API token, or with --user an access or autologin token."""
    if ref is None:
        core.api_tokens.revoke_by_id(public_id)
    else:
        try:
            core.access_tokens.revoke_by_id(ref, public_id)
        except TokenNotFound:
            core.autologin_tokens.revoke_by_id(ref, public_id)
    output.done(f"revoked {public_id}", {"public_id": public_id})
