"""The storage interface of passwords, and the interface of hashers."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.passwords.model import Credential


class CredentialRepository(Protocol):
    """Stores one credential per user. ``usercore.testing.contracts.passwords`` tests implementations."""

    @abstractmethod
    def get(self, user_id: UserId) -> Credential | None:
        """Return the user's credential, or None. One look-up for every id, also one of another tenant or of no user."""

    @abstractmethod
    def get_many(self, user_ids: Sequence[UserId]) -> list[Credential]:
        """Return the credentials of these users that have one, in any order; each id may be given once."""

    @abstractmethod
    def list_from(self, after: UserId, /, *, limit: int) -> list[Credential]:
        """Return at most ``limit`` credentials of the unit's tenant whose user ids follow ``after``, in their order."""

    @abstractmethod
    def put(self, credential: Credential) -> None:
        """Store the credential of a locked user in place of an earlier one."""

    @abstractmethod
    def add_many(self, credentials: Sequence[Credential]) -> None:
        """Store the credentials of users without one; there may be none.

        Raises:
            RunAgain: one of them has a credential.
        """


class PasswordsUnit(ChangingUnit, Protocol):
    """The part of a unit that passwords need."""

    @property
    def credentials(self) -> CredentialRepository:
        """The credentials as this unit sees them."""


class Hasher(Protocol):
    """Hashes and verifies passwords. Slow on purpose: never called while a unit is open."""

    @abstractmethod
    def hold_slot(self) -> AbstractContextManager[None]:
        """Hold one of the slots in which hashes are computed; acquired before anything is looked up.

        Raises:
            Overloaded: too many callers wait already, or the wait took too long.
        """

    @abstractmethod
    def hash(self, password: str) -> tuple[str, str | None]:
        """Return the hash of a prepared password with the current profile, and the id of its pepper or None.

        Raises:
            Overloaded: the machine has no memory for it.
        """

    @abstractmethod
    def verify(self, credential: Credential | None, password: str | None) -> bool:
        """Return whether the password matches the credential.

        Without a credential or a possible password, the result is False and also costs one hash.

        Raises:
            Overloaded: the machine has no memory for the hash.
        """

    @abstractmethod
    def is_current(self, credential: Credential) -> bool:
        """Return whether the hash was made with the current profile and pepper."""

    @abstractmethod
    def is_usable(self, credential: Credential) -> bool:
        """Return whether the hash can be verified at all; if not, no password matches. Cheap: nothing is hashed."""

    @abstractmethod
    def problem_of(self, text: str) -> str | None:
        """Return why a hash from an import cannot be verified, as a reason of ``FieldError``, or None. Cheap.

        ``extra_not_installed`` if it takes a package that is not installed.
        """
