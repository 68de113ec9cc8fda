"""What a storage must offer: every capability's slice in one unit, and units bound to an origin."""

from abc import abstractmethod
from typing import Final, Protocol

from usercore.attempts.ports import AttemptsUnit
from usercore.deliveries.ports import DeliveriesUnit
from usercore.history.ports import HistoryUnit
from usercore.kernel.units import Units
from usercore.passwords.ports import PasswordsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.tokens.ports import TokensUnit
from usercore.users.ports import UsersUnit
from usercore.workflows.identifying import IdentifyingUnit
from usercore.workflows.recording import Origin

CAPABILITIES: Final = frozenset(
    {"tenants", "users", "passwords", "tokens", "attempts", "history", "deliveries", "identifying"}
)
"""What a storage may declare. One that lacks any of them is refused when it is opened."""


class Unit(
    UsersUnit,
    TenantsUnit,
    PasswordsUnit,
    TokensUnit,
    AttemptsUnit,
    HistoryUnit,
    DeliveriesUnit,
    IdentifyingUnit,
    Protocol,
):
    """Everything that happens in one transaction."""


class Storage(Protocol):
    """A place that keeps everything. Safe to share between threads.

    An entry point of the group ``usercore.storages`` names, by URL scheme, a function that takes the URL and gives one.
    """

    @property
    def capabilities(self) -> frozenset[str]:
        """What it implements, of ``CAPABILITIES``."""

    @property
    def secret(self) -> bytes:
        """32 bytes that were drawn when the store was made and never change; they key what must not be readable."""

    @abstractmethod
    def units(self, origin: Origin) -> Units[Unit]:
        """Give units of the origin's tenant whose changes are recorded as this origin's. Cheap; no transaction."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held. Units after it raise ``Unavailable``; closing again does nothing."""
