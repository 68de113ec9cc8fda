"""Open a store: the scheme of its URL selects one of the installed storages."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Final, Never, cast

from usercore.authenticators.external import Authenticator
from usercore.composition.host import Gates, Host
from usercore.composition.policy import Policy
from usercore.core import UserCore
from usercore.delivery.subscriber import Subscriber
from usercore.gates.ports import EmailCheck, PasswordCheck
from usercore.kernel.time import Clock, system_clock
from usercore.kernel.urls import scheme_of
from usercore.mail.ports import Mailer
from usercore.storage import Storage

GROUP: Final = "usercore.storages"
"""The group of entry points that name storages."""

_OURS: Final = {
    "memory": "usercore_storage.memory",
    "sqlite": "usercore_storage.sqlite",
    "postgresql": "usercore_storage.postgres",
}
"""The built-in storages. They cannot be replaced, and most processes need not query the installed entry points."""


def open(  # noqa: A001 - as in ``usercore.open``
    url: str,
    *,
    policy: Policy | None = None,
    clock: Clock = system_clock,
    mailer: Mailer | None = None,
    authenticators: Sequence[Authenticator[Never]] = (),
    gates: Gates | None = None,
    password_checks: Sequence[PasswordCheck] = (),
    email_checks: Sequence[EmailCheck] = (),
    subscribers: Sequence[Subscriber] = (),
) -> UserCore:
    """Open a store, created if it is missing, and return a core that acts as the host for the tenant ``main``.

    Args:
        url: ``memory://``, ``sqlite:///file.db`` or the URL of another installed storage.
        policy: every number; None is the default ones.
        clock: returns the present instant in UTC.
        mailer: sends emails; without one none are sent.
        authenticators: ways to sign in besides the built-in ones.
        gates: the host's vetoes.
        password_checks: refuse new passwords.
        email_checks: refuse emails at registration.
        subscribers: receive events of changes.

    Raises:
        TypeError: the URL is not text, or an argument has the wrong type or would never run (``async def``).
        ValueError: no storage has this scheme, the URL has another form, or an argument does not fit.
        StorageError: the store cannot be used; its subclasses say why. It is left as it was.
    """
    host = Host(
        policy=Policy() if policy is None else policy,
        clock=clock,
        mailer=mailer,
        authenticators=authenticators,
        gates=Gates() if gates is None else gates,
        password_checks=password_checks,
        email_checks=email_checks,
        subscribers=subscribers,
    )
    storage = open_storage(url)
    try:
        return UserCore.over(storage, host)
    except BaseException:
        storage.close()
        raise


def open_storage(url: str) -> Storage:
    """Open the storage that the URL's scheme selects.

    Raises:
        TypeError: the URL is not text.
        ValueError: no installed storage has this scheme, or the URL has another form.
        StorageError: the store cannot be used.
    """
    return _opener_of(scheme_of(url))(url)


@cache
def _opener_of(scheme: str) -> Callable[[str], Storage]:
    found = import_module(_OURS[scheme]).open_storage if scheme in _OURS else _installed(scheme)
    return cast("Callable[[str], Storage]", found)


def _installed(scheme: str) -> object:
    from importlib.metadata import entry_points  # noqa: PLC0415 - takes as long to load as the engine of SQLite

    found = entry_points(group=GROUP)
    for one in found.select(name=scheme) if scheme else ():
        return one.load()
    what = f"no storage for {scheme!r}" if scheme else "not the URL of a storage"
    msg = f"{what}: the URL must begin with {', '.join(f'{name}://' for name in sorted({*_OURS, *found.names}))}"
    raise ValueError(msg)  # not cached: it may be installed later
