"""What roles ask of a storage. ``usercore.testing.contracts.roles`` tests implementations."""

from abc import abstractmethod
from typing import Protocol

from usercore.kernel.ids import RoleId, UserId
from usercore.kernel.named import NamedRepository
from usercore.kernel.units import ChangingUnit
from usercore.roles.model import Role, RoleAssignment


class RoleRepository(NamedRepository[Role], Protocol):
    """Stores roles."""

    @abstractmethod
    def list_from(self, after: str | None, *, active: bool | None, limit: int) -> list[Role]:
        """Return at most ``limit`` roles, ordered by the key of their name, that follow the key ``after``."""


class RoleAssignmentRepository(Protocol):
    """Stores which user was given which role. Callers lock or read the user first, and find the role in its tenant."""

    @abstractmethod
    def add(self, row: RoleAssignment, /) -> None:
        """Store a new assignment.

        Raises:
            RunAgain: the user has this role.
        """

    @abstractmethod
    def get(self, user_id: UserId, role_id: RoleId, /) -> RoleAssignment | None:
        """Return the user's assignment of this role, or None."""

    @abstractmethod
    def list_of(self, user_id: UserId, /) -> list[RoleAssignment]:
        """Return the user's assignments by the id of the role."""

    @abstractmethod
    def put(self, row: RoleAssignment, /) -> None:
        """Store an assignment of a locked user instead of the one before, if any."""

    @abstractmethod
    def remove(self, user_id: UserId, role_id: RoleId, /) -> bool:
        """Remove an assignment; return whether there was one."""

    @abstractmethod
    def remove_of_role(self, role_id: RoleId, /, *, limit: int) -> int:
        """Remove at most ``limit`` assignments of a role of any tenant; return how many."""


class RolesUnit(ChangingUnit, Protocol):
    """The part of a unit that roles need."""

    @property
    def roles(self) -> RoleRepository:
        """The tenant's roles as this unit sees them."""

    @property
    def role_assignments(self) -> RoleAssignmentRepository:
        """The assignments as this unit sees them."""
