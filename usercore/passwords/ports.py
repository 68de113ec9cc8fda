"""What passwords ask of a storage, and of a hasher."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.passwords.model import Credential


class CredentialRepository(Protocol):
    """Keeps one credential a user. ``usercore.testing.contracts.passwords`` proves it."""

    @abstractmethod
    def get(self, user_id: UserId) -> Credential | None:
        """Give the user's credential, or None. One look-up, whoever the id is of."""

    @abstractmethod
    def put(self, credential: Credential) -> None:
        """Keep the credential of a guarded user instead of the one before."""


class PasswordsUnit(ChangingUnit, Protocol):
    """The part of a unit that passwords need."""

    @property
    def credentials(self) -> CredentialRepository:
        """The credentials as this unit sees them."""


class Hasher(Protocol):
    """Hashes and verifies passwords. Slow on purpose: never called while a unit is open."""

    @abstractmethod
    def place(self) -> AbstractContextManager[None]:
        """Take one of the places in which hashes are computed; taken before anything is looked up.

        Raises:
            Overloaded: too many wait already, or the wait took too long.
        """

    @abstractmethod
    def hash(self, password: str) -> tuple[str, str | None]:
        """Hash a prepared password by the current profile; give the hash and the id of the pepper, or None."""

    @abstractmethod
    def verify(self, credential: Credential | None, password: str | None) -> bool:
        """Say whether the password is the credential's.

        Without a credential or a password that can be one, the answer is no and costs one hash all the same.
        """

    @abstractmethod
    def is_current(self, credential: Credential) -> bool:
        """Say whether the hash was made by the current profile and pepper."""
