"""What the host brings: policy, clock, mailer, and the places where it plugs in code of its own."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from usercore.authenticators.external import Authenticator
from usercore.composition.policy import Policy
from usercore.delivery.dispatcher import Subscriber
from usercore.kernel.changes import ChangeKind
from usercore.kernel.randomness import Randomness, system_randomness
from usercore.kernel.time import Clock, check_instant, system_clock
from usercore.kernel.values import frozen
from usercore.mail.ports import Mailer
from usercore.mail.rules import check_links
from usercore.notifications import mail_subscriber
from usercore.passwords import model as passwords
from usercore.passwords.ports import Hasher
from usercore.registration.input import PasswordCheck
from usercore.registration.limits import EmailCheck, RegistrationGate
from usercore.storage.recording import Subscriptions
from usercore.tenants import model as tenants
from usercore.tokens import model as tokens
from usercore.users import model as users

KINDS: Final[Mapping[str, ChangeKind]] = {
    kind.name: kind for kind in (*users.KINDS, *tenants.KINDS, *passwords.KINDS, *tokens.KINDS)
}
"""The catalogue of changes, by name."""


@frozen(kw_only=True)
class Gates:
    """The host's gates. They may only refuse, by raising ``Vetoed``, and run outside any unit."""

    registration: Sequence[RegistrationGate] = ()


@frozen(kw_only=True)
class Host:
    """Everything that a core is given besides its storage."""

    policy: Policy = attrs.field(factory=Policy)
    clock: Clock = system_clock
    randomness: Randomness = system_randomness
    mailer: Mailer | None = None
    hasher: Hasher | None = None
    """None is argon2id by the policy."""

    authenticators: Sequence[Authenticator] = ()
    gates: Gates = Gates()
    password_checks: Sequence[PasswordCheck] = ()
    email_checks: Sequence[EmailCheck] = ()
    subscribers: Sequence[Subscriber] = ()


def check_host(host: Host) -> None:
    """Refuse what could only fail later.

    Raises:
        TypeError: the clock gives no datetime.
        ValueError: the clock gives one without a zone, a link that the letters need is missing, two subscribers or
            authenticators have one name, or a subscriber wants a kind that there is not.
    """
    check_instant(host.clock(), name="what the clock gives")
    if host.mailer is not None:
        check_links(host.policy.mail.links)
    _check_names("subscriber", [mail_subscriber.SUBSCRIBER, *(subscriber.name for subscriber in host.subscribers)])
    built_in = ["login_token", "password", "access_token", "trusted", "registration"]
    _check_names("authenticator", [*built_in, *(authenticator.name for authenticator in host.authenticators)])
    for subscriber in host.subscribers:
        unknown = {kind for kind in subscriber.kinds if kind not in KINDS or not KINDS[kind].public}
        if unknown:
            msg = f"nobody can subscribe to {min(unknown)!r}; there are {', '.join(_public_kinds())}"
            raise ValueError(msg)


def _check_names(what: str, names: Sequence[str]) -> None:
    for name in names:
        if not name or not name.isprintable() or names.count(name) > 1:
            msg = f"a {what} needs a name of its own: {name!r}"
            raise ValueError(msg)


def _public_kinds() -> list[str]:
    return sorted(kind.name for kind in KINDS.values() if kind.public)


def subscriptions_of(subscribers: Iterable[Subscriber]) -> Subscriptions:
    """Give the names of the durable subscribers of each kind of change."""
    durable = [subscriber for subscriber in subscribers if subscriber.durable]
    return {
        kind: names
        for kind in KINDS
        if (names := tuple(subscriber.name for subscriber in durable if kind in subscriber.kinds))
    }
