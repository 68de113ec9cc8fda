"""Samples of the service that signs users in."""

from contextlib import suppress
from typing import Final

import attrs

from tests.samples import FilledStore, Samples, same
from tests.services.helpers import PASSWORD
from usercore import SignInRefused


@attrs.frozen
class Badge:
    """The credentials of the host's own authenticator."""

    number: int


def fill(filled: FilledStore) -> None:
    """Fail to sign in as an unknown user."""
    with suppress(SignInRefused):
        filled.core.bind(user_agent="Lynx").sign_in.with_password("unknown@example.com", PASSWORD)


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "allow_privileged": same(value=False),
        "credentials": same(Badge(1)),
        "sign_in.verify_password.password": same(PASSWORD),
        "sign_in.with_password.password": same(PASSWORD),
    },
    calls={
        "sign_in.identify": lambda core, names: core.sign_in.identify(names.access),
        "sign_in.with_access_token": lambda core, names: core.sign_in.with_access_token(names.access),
        "sign_in.with_password": lambda core, names: core.sign_in.with_password(names.email, PASSWORD),
    },
    nameless=frozenset(
        {
            "sign_in.authenticate",  # the host's own authenticator; with_password has the built-in one
            "sign_in.verify_password",
        }
    ),
)
