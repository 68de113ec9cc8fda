"""What passkeys ask of a storage. ``usercore.testing.contracts.passkeys`` proves it."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.passkeys.model import Passkey


class PasskeyRepository(Protocol):
    """Stores passkeys by credential id, which is unique in a tenant. A unit sees those of its own tenant only."""

    @abstractmethod
    def add(self, passkey: Passkey, /) -> None:
        """Store a new passkey of a locked user.

        Raises:
            RunAgain: the tenant has this credential id. Callers check first, so another unit added it meanwhile.
        """

    @abstractmethod
    def get(self, credential_id: bytes, /) -> Passkey | None:
        """Return the passkey with this credential id, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[Passkey]:
        """Return the user's passkeys by id."""

    @abstractmethod
    def use(self, credential_id: bytes, number: int, /, *, sign_count: int, backed_up: bool, at: datetime) -> bool:
        """Store a use of the passkey with this credential id and this ``id``, atomically; return whether it was stored.

        It is stored if ``sign_count`` is larger than the stored one, or both are 0. So of several callers with one
        count that is not 0, at most one ever gets True. ``backed_up`` and ``last_used_at`` are replaced.
        """

    @abstractmethod
    def remove(self, credential_id: bytes, /) -> bool:
        """Remove the passkey with this credential id; return whether there was one."""


class PasskeysUnit(ChangingUnit, Protocol):
    """The part of a unit that passkeys need."""

    @property
    def passkeys(self) -> PasskeyRepository:
        """The tenant's passkeys as this unit sees them."""
