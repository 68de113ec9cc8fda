"""What addresses ask of a storage. ``usercore.testing.contracts.addresses`` proves it."""

from abc import abstractmethod
from datetime import date
from typing import Protocol

from usercore.addresses.model import (
    AddressType,
    AddressVersion,
    ChangeRequestState,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit


class AddressTypeRepository(Protocol):
    """Stores types by key. A unit sees those of its own tenant only."""

    @abstractmethod
    def get(self, key: str, /) -> AddressType | None:
        """Return the type with this key, compared exactly, or None."""

    @abstractmethod
    def list_all(self) -> list[AddressType]:
        """Return the tenant's types in the order of their keys' code points."""

    @abstractmethod
    def put(self, row: AddressType, /) -> None:
        """Store a type of the locked tenant instead of the one before, if any."""


class AddressRepository(Protocol):
    """Stores addresses by user and id. Callers learn whose tenant a user belongs to by locking or reading the user."""

    @abstractmethod
    def add(self, row: StoredAddress, /) -> None:
        """Store a new address.

        Raises:
            RunAgain: the user has an address with this id.
        """

    @abstractmethod
    def get(self, user_id: UserId, address_id: int, /) -> StoredAddress | None:
        """Return the address, also a removed one, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[StoredAddress]:
        """Return the user's addresses, also removed ones, by id."""

    @abstractmethod
    def put(self, row: StoredAddress, /) -> None:
        """Store an address of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, address_id: int, /) -> bool:
        """Delete the row of an address; return whether there was one."""


class AddressVersionRepository(Protocol):
    """Stores the versions of addresses by user and id."""

    @abstractmethod
    def add(self, row: AddressVersion, /) -> None:
        """Store a new version.

        Raises:
            RunAgain: the user has a version with this id.
        """

    @abstractmethod
    def get(self, user_id: UserId, version_id: int, /) -> AddressVersion | None:
        """Return the version, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[AddressVersion]:
        """Return all versions of the user's addresses by id."""

    @abstractmethod
    def holding_from(self, user_id: UserId, day: date, /) -> list[AddressVersion]:
        """Return the versions of the user's addresses that end after ``day`` or never, by id."""

    @abstractmethod
    def put(self, row: AddressVersion, /) -> None:
        """Store a version of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, version_id: int, /) -> bool:
        """Remove a version; return whether there was one."""


class ChangeRequestRepository(Protocol):
    """Stores requests by user and id."""

    @abstractmethod
    def add(self, row: StoredChangeRequest, /) -> None:
        """Store a new request.

        Raises:
            RunAgain: the user has a request with this id.
        """

    @abstractmethod
    def get(self, user_id: UserId, request_id: int, /) -> StoredChangeRequest | None:
        """Return the request, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[StoredChangeRequest]:
        """Return the user's requests by id."""

    @abstractmethod
    def list_before(
        self, user_id: UserId, before: int, /, *, state: ChangeRequestState | None, limit: int
    ) -> list[StoredChangeRequest]:
        """Return at most ``limit`` of the user's requests whose ids are lower than ``before``, the highest first.

        With ``state`` only those in this state.
        """

    @abstractmethod
    def list_open(self, after: int, *, limit: int) -> list[StoredChangeRequest]:
        """Return at most ``limit`` requests of the unit's tenant that can be decided, with higher ids, by id.

        Those of removed addresses cannot. An index finds the requests that were not decided.
        """

    @abstractmethod
    def put(self, row: StoredChangeRequest, /) -> None:
        """Store a request of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, request_id: int, /) -> bool:
        """Remove a request; return whether there was one."""


class AddressesUnit(ChangingUnit, Protocol):
    """The part of a unit that addresses need."""

    @property
    def address_types(self) -> AddressTypeRepository:
        """The tenant's types as this unit sees them."""

    @property
    def addresses(self) -> AddressRepository:
        """The addresses as this unit sees them."""

    @property
    def address_versions(self) -> AddressVersionRepository:
        """The versions of addresses as this unit sees them."""

    @property
    def change_requests(self) -> ChangeRequestRepository:
        """The requests to change addresses as this unit sees them."""
