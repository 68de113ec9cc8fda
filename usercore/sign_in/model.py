"""Who is signed in, and what the host's authenticators add to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from usercore.authenticators.external import Authenticator
from usercore.kernel.entity import entity
from usercore.kernel.log import log
from usercore.kernel.secret import Secret
from usercore.users.model import User

NO_EXTRAS: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType({})


@entity
class Identity:
    """Who is signed in, how, and since when.

    ``access_token`` is given by ways that issue one, once. ``extras`` has what the host's authenticators add, by name.
    """

    user: User
    roles: tuple[str, ...] = ()
    authenticator: str
    source: str | None = None
    authenticated_at: datetime
    must_change_password: bool = False
    access_token: Secret | None = None
    extras: Mapping[str, Mapping[str, object]] = NO_EXTRAS


def extras_of(authenticators: Sequence[Authenticator], user: User) -> Mapping[str, Mapping[str, object]]:
    """Ask the host's authenticators what they add, by name; one that raises is logged and adds nothing."""
    extras = {authenticator.name: _extra_of(authenticator, user) for authenticator in authenticators}
    shown = {name: MappingProxyType(extra) for name, extra in extras.items() if extra}
    return MappingProxyType(shown) if shown else NO_EXTRAS


def _extra_of(authenticator: Authenticator, user: User) -> dict[str, object]:
    extra = getattr(authenticator, "extra", None)
    try:
        return {} if extra is None else dict(extra(user) or {})
    except Exception:  # noqa: BLE001 - the host's code may raise anything
        log().exception("the authenticator %s could not give its extra", authenticator.name)
        return {}
