"""Samples of the service of access tokens."""

from typing import Final

from tests.samples import Samples

SAMPLES: Final = Samples(
    arguments={"keep": lambda filled: filled.access_token},
    calls={
        "access_tokens.revoke": lambda core, names: core.access_tokens.revoke(names.access),
        "access_tokens.revoke_by_id: own user": lambda core, names: core.access_tokens.revoke_by_id(
            names.own, names.public_id
        ),
    },
    unguessable=frozenset({"access_tokens.revoke"}),
)
