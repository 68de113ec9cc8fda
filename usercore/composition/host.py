"""What the host passes to a core: policy, clock, mailer, and code of its own for the extension points."""

from collections.abc import Iterable, Sequence
from typing import Final, Never

import attrs

from usercore.authenticators.external import Authenticator
from usercore.composition.policy import Policy
from usercore.delivery.subscriber import Subscriber
from usercore.gates.ports import (
    AddressAcceptanceGate,
    AddressRemovalGate,
    EmailCheck,
    PasswordCheck,
    RegistrationGate,
    UserErasureGate,
)
from usercore.kernel.callables import check_callable, check_method, items_of
from usercore.kernel.randomness import Randomness, system_randomness
from usercore.kernel.text import check_type
from usercore.kernel.time import Clock, check_instant, system_clock
from usercore.kernel.values import frozen
from usercore.mail.model import MailPolicy
from usercore.mail.ports import Mailer
from usercore.notifications.names import SUBSCRIBER
from usercore.passwords.ports import Hasher
from usercore.storage import KINDS
from usercore.storage.recording import Subscriptions

_LONGEST_NAME: Final = 255
"""Characters of an authenticator's or subscriber's name. Source: usercore."""


# Type checkers cannot infer the types of one generic converter.
def _gates(given: Iterable[RegistrationGate]) -> tuple[RegistrationGate, ...]:
    return items_of(given)


def _address_acceptances(given: Iterable[AddressAcceptanceGate]) -> tuple[AddressAcceptanceGate, ...]:
    return items_of(given)


def _address_removals(given: Iterable[AddressRemovalGate]) -> tuple[AddressRemovalGate, ...]:
    return items_of(given)


def _erasures(given: Iterable[UserErasureGate]) -> tuple[UserErasureGate, ...]:
    return items_of(given)


def _authenticators(given: Iterable[Authenticator[Never]]) -> tuple[Authenticator[Never], ...]:
    return items_of(given)


def _password_checks(given: Iterable[PasswordCheck]) -> tuple[PasswordCheck, ...]:
    return items_of(given)


def _email_checks(given: Iterable[EmailCheck]) -> tuple[EmailCheck, ...]:
    return items_of(given)


def _subscribers(given: Iterable[Subscriber]) -> tuple[Subscriber, ...]:
    return items_of(given)


@frozen(kw_only=True)
class Gates:
    """The host's gates. They may only refuse, by raising ``Vetoed``, and run outside any unit.

    Any other exception of a gate, including ``SystemExit`` and ``KeyboardInterrupt``, reaches the caller, and nothing
    is stored.
    """

    registration: Sequence[RegistrationGate] = attrs.field(default=(), converter=_gates)
    address_acceptances: Sequence[AddressAcceptanceGate] = attrs.field(default=(), converter=_address_acceptances)
    address_removals: Sequence[AddressRemovalGate] = attrs.field(default=(), converter=_address_removals)
    erasures: Sequence[UserErasureGate] = attrs.field(default=(), converter=_erasures)


@frozen(kw_only=True)
class Host:
    """Everything that a core needs besides its storage, checked completely when this is made."""

    policy: Policy = attrs.field(factory=Policy)
    clock: Clock = system_clock
    randomness: Randomness = system_randomness
    mailer: Mailer | None = None
    hasher: Hasher | None = None
    """None selects argon2id with the policy's parameters."""

    authenticators: Sequence[Authenticator[Never]] = attrs.field(default=(), converter=_authenticators)
    gates: Gates = Gates()
    password_checks: Sequence[PasswordCheck] = attrs.field(default=(), converter=_password_checks)
    email_checks: Sequence[EmailCheck] = attrs.field(default=(), converter=_email_checks)
    subscribers: Sequence[Subscriber] = attrs.field(default=(), converter=_subscribers)

    def __attrs_post_init__(self) -> None:
        """Check all values, so that none fails later.

        Raises:
            TypeError: something has the wrong type, lacks a member, cannot be called as usercore calls it, or is an
                ``async def`` or generator, which would never run.
            ValueError: the clock returns an instant without a time zone, a link that an email needs is missing, two
                subscribers or authenticators have the same name, a subscriber names an unknown kind of change, or the
                extra for passkeys, for second factors or for a check of addresses is not installed.
        """
        check_type(self.policy, Policy, name="policy")
        check_type(self.gates, Gates, name="gates")
        _check_extras(self.policy)
        check_callable(self.clock, name="clock")
        check_instant(self.clock(), name="what the clock gives")
        check_callable(self.randomness, 1, name="randomness")
        if self.mailer is not None:
            _check_mailer(self.mailer, self.policy.mail)
        if self.hasher is not None:
            _check_hasher(self.hasher)
        for what, functions in (
            ("a registration gate", self.gates.registration),
            ("an address acceptance gate", self.gates.address_acceptances),
            ("an address removal gate", self.gates.address_removals),
            ("an erasure gate", self.gates.erasures),
            ("a password check", self.password_checks),
            ("an email check", self.email_checks),
        ):
            for function in functions:
                check_callable(function, None, name=what)
        _check_authenticators(self.authenticators)
        _check_subscribers(self.subscribers)


def _check_extras(policy: Policy) -> None:
    if policy.passkeys.relying_party is not None:
        from usercore.passkeys import verification

        verification.check_installed()
    if policy.second_factors.keys:
        from usercore.second_factors import encryption

        encryption.check_installed()
    if policy.addresses.checks:
        from usercore.addresses.checks import check_installed

        check_installed(policy.addresses.checks)


def _check_mailer(mailer: Mailer, policy: MailPolicy) -> None:
    from usercore.mail.rules import check_links
    from usercore.notifications.mails import LINKS

    check_method(mailer, "send", None, name="mailer")
    check_links(policy.links, LINKS)


def _check_hasher(hasher: Hasher) -> None:
    for method, count in (("hold_slot", 0), ("hash", 1), ("verify", 2), ("is_current", 1), ("is_usable", 1)):
        check_method(hasher, method, *[None] * count, name="hasher")


def _check_authenticators(authenticators: Sequence[Authenticator[Never]]) -> None:
    for authenticator in authenticators:
        check_method(authenticator, "authenticate", None, None, name="an authenticator")
        for member, kind in (("name", str), ("priority", int), ("credentials", type)):
            _check_member(authenticator, member, kind)
        check_type(getattr(authenticator, "is_multi_factor", False), bool, name="an authenticator's 'is_multi_factor'")
        if getattr(authenticator, "extra", None) is not None:
            check_method(authenticator, "extra", None, name="an authenticator")
    built_in = [
        "login_token",
        "autologin_token",
        "password",
        "access_token",
        "passkey",
        "trusted",
        "registration",
        "second_factor",
    ]
    _check_names("authenticator", [*built_in, *(authenticator.name for authenticator in authenticators)])


def _check_member(authenticator: Authenticator[Never], member: str, kind: type) -> None:
    if not hasattr(authenticator, member):
        msg = f"an authenticator must have {member!r}; {type(authenticator).__name__} has none"
        raise TypeError(msg)
    check_type(getattr(authenticator, member), kind, name=f"an authenticator's {member!r}")


def _check_subscribers(subscribers: Sequence[Subscriber]) -> None:
    for subscriber in subscribers:
        check_type(subscriber, Subscriber, name="a subscriber")
        check_type(subscriber.name, str, name="a subscriber's 'name'")
        check_type(subscriber.durable, bool, name="a subscriber's 'durable'")
        check_callable(subscriber.handle, None, name="a subscriber's 'handle'")
        unknown = [kind for kind in subscriber.kinds if kind not in KINDS or not KINDS[kind].public]
        if unknown:
            msg = f"no subscriber can receive {min(map(repr, unknown))}; there are {', '.join(_public_kinds())}"
            raise ValueError(msg)
    _check_names("subscriber", [SUBSCRIBER, *(subscriber.name for subscriber in subscribers)])


def _check_names(what: str, names: Sequence[str]) -> None:
    for name in names:
        if not name or not name.isprintable() or len(name) > _LONGEST_NAME or names.count(name) > 1:
            msg = f"a {what} needs a name of its own, 1 to {_LONGEST_NAME} characters: {name!r}"
            raise ValueError(msg)


def _public_kinds() -> list[str]:
    return sorted(kind.name for kind in KINDS.values() if kind.public)


def subscriptions_of(subscribers: Iterable[Subscriber]) -> Subscriptions:
    """Return the names of the durable subscribers of each kind of change."""
    durable = [subscriber for subscriber in subscribers if subscriber.durable]
    return {
        kind: names
        for kind in KINDS
        if (names := tuple(subscriber.name for subscriber in durable if kind in subscriber.kinds))
    }
