"""What the host implements. All of it runs outside any unit."""

from abc import abstractmethod
from typing import Protocol

from usercore.gates.model import AddressAcceptance, AddressRemoval, RegistrationRequest, UserErasure


class RegistrationGate(Protocol):
    """A gate of the host for registrations. It may only refuse."""

    @abstractmethod
    def __call__(self, application: RegistrationRequest, /) -> None:
        """Return if the registration may go on.

        Raises:
            Vetoed: it may not.
        """


class AddressAcceptanceGate(Protocol):
    """A gate of the host for the values of addresses, before a request is accepted. It may only refuse."""

    @abstractmethod
    def __call__(self, acceptance: AddressAcceptance, /) -> None:
        """Return if the request may be accepted.

        Raises:
            Vetoed: it may not.
        """


class AddressRemovalGate(Protocol):
    """A gate of the host for the removal of addresses, such as those that an open order needs. It may only refuse."""

    @abstractmethod
    def __call__(self, removal: AddressRemoval, /) -> None:
        """Return if the address may be removed.

        Raises:
            Vetoed: it may not.
        """


class UserErasureGate(Protocol):
    """A gate of the host for erasing users, such as those with an unpaid invoice. It may only refuse."""

    @abstractmethod
    def __call__(self, erasure: UserErasure, /) -> None:
        """Return if the user may be erased.

        Raises:
            Vetoed: the user may not.
        """


class EmailCheck(Protocol):
    """A check of the host for the emails of new users, such as whether the domain accepts mail."""

    @abstractmethod
    def __call__(self, email: str, /) -> str | None:
        """Return the reason why this email is refused, or None."""


class PasswordCheck(Protocol):
    """A check of the host for new passwords, such as a list of breached ones."""

    @abstractmethod
    def __call__(self, password: str, /) -> str | None:
        """Return the reason why this password is refused, or None."""
