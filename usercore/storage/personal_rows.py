"""Rows of users in every table, as exports need them; which tables there are follows from their declarations."""

from abc import abstractmethod
from typing import Protocol, TypeVar

from usercore.kernel.ids import UserId

T = TypeVar("T")


class PersonalRows(Protocol):
    """Reads rows of users by their entity. ``usercore.testing.contracts.personal_rows`` tests it."""

    @abstractmethod
    def list_of(self, entity: type[T], user_id: UserId, /) -> list[T]:
        """Return all rows of a user, in the order of their keys.

        The entity is one that ``ROWS`` declares with a section for exports. The caller has found the user in the unit's
        tenant.
        """


class PersonalRowsUnit(Protocol):
    """The part of a unit that reads rows of users."""

    @property
    def personal_rows(self) -> PersonalRows:
        """The rows as this unit sees them."""
