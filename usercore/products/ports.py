"""What products ask of a storage. ``usercore.testing.contracts.products`` tests implementations."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.units import ChangingUnit
from usercore.products.model import ProductGrant


class ProductGrantRepository(Protocol):
    """Stores grants by user and id. Callers learn whose tenant a user belongs to by locking or reading the user."""

    @abstractmethod
    def add(self, row: ProductGrant, /) -> None:
        """Store a new grant of a locked user.

        Raises:
            RunAgain: the user has a grant with this id; the next run generates another.
        """

    @abstractmethod
    def get(self, user_id: UserId, grant_id: int, /) -> ProductGrant | None:
        """Return the user's grant with this id, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[ProductGrant]:
        """Return the user's grants by id."""

    @abstractmethod
    def put(self, row: ProductGrant, /) -> None:
        """Store a grant of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, grant_id: int, /) -> bool:
        """Remove a grant; return whether there was one."""

    @abstractmethod
    def list_of_products(self, user_id: UserId, product_ids: Sequence[str], /) -> list[ProductGrant]:
        """Return the user's grants of these products, compared exactly, each once, in any order."""


class ProductsUnit(ChangingUnit, Protocol):
    """The part of a unit that products need."""

    @property
    def product_grants(self) -> ProductGrantRepository:
        """The grants as this unit sees them."""
