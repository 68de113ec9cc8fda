"""Samples of the service of API tokens."""

from datetime import timedelta
from typing import Final

import attrs

from tests.samples import FAR, FilledStore, Samples, same, unknown_secret
from usercore import IssuedApiToken, Secret, User, UserCore
from usercore.kernel.secret import write_base62
from usercore.tokens.kinds import API

OF_ONE_TOKEN: Final = ("deactivate", "grant", "revoke_by_id", "revoke_grants", "set_addresses")


def fill(filled: FilledStore) -> IssuedApiToken:
    """Issue an API token with a grant, and one that is deactivated."""
    tokens = filled.core.api_tokens
    issued = tokens.issue("Export", addresses=["192.0.2.0/24"], expires_at=filled.clock.now + timedelta(days=365))
    tokens.grant(issued.token.public_id, ["orders"])
    tokens.deactivate(tokens.issue("Import").token.public_id)
    return issued


@attrs.frozen(kw_only=True)
class ApiTokenNames:
    """The secret and the public id of an API token."""

    secret: Secret
    public_id: str


def name(core: UserCore, user: User) -> tuple[ApiTokenNames, ApiTokenNames]:
    """Issue an API token with a grant."""
    issued = core.api_tokens.issue("Export")
    core.api_tokens.grant(issued.token.public_id, ["orders"])
    return (
        ApiTokenNames(secret=issued.secret, public_id=issued.token.public_id),
        ApiTokenNames(secret=unknown_secret(API, None), public_id=f"ucs-{write_base62(user.id + FAR, 9)}"),
    )


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "addresses": same(["192.0.2.0/25"]),
        "api_tokens.activate.public_id": lambda filled: next(
            token.public_id for token in filled.core.api_tokens.list() if not token.active
        ),
        "api_tokens.authorize.secret": lambda filled: filled.of(IssuedApiToken).secret,
        "api_tokens.revoke.secret": lambda filled: filled.of(IssuedApiToken).secret,
        **{
            f"api_tokens.{method}.public_id": lambda filled: filled.of(IssuedApiToken).token.public_id
            for method in OF_ONE_TOKEN
        },
        "resource": same("orders"),
        "resources": same(["orders", "users"]),
    },
    name=name,
    calls={
        "api_tokens.activate": lambda core, names: core.api_tokens.activate(names.of(ApiTokenNames).public_id),
        "api_tokens.authorize": lambda core, names: core.api_tokens.authorize(names.of(ApiTokenNames).secret, "orders"),
        "api_tokens.deactivate": lambda core, names: core.api_tokens.deactivate(names.of(ApiTokenNames).public_id),
        "api_tokens.grant": lambda core, names: core.api_tokens.grant(names.of(ApiTokenNames).public_id, ["users"]),
        "api_tokens.revoke": lambda core, names: core.api_tokens.revoke(names.of(ApiTokenNames).secret),
        "api_tokens.revoke_by_id": lambda core, names: core.api_tokens.revoke_by_id(names.of(ApiTokenNames).public_id),
        "api_tokens.revoke_grants": lambda core, names: core.api_tokens.revoke_grants(
            names.of(ApiTokenNames).public_id, ["orders"]
        ),
        "api_tokens.set_addresses": lambda core, names: core.api_tokens.set_addresses(
            names.of(ApiTokenNames).public_id, ["192.0.2.1"]
        ),
    },
    nameless=frozenset({"api_tokens.issue"}),
)
