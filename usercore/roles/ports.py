"""What roles ask of a storage. ``usercore.testing.contracts.roles`` tests implementations."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from usercore.kernel.ids import RoleId, UserId
from usercore.kernel.units import ChangingUnit
from usercore.roles.model import Role, RoleAssignment


class RoleRepository(Protocol):
    """Stores roles. A unit sees the roles of its own tenant only; for it, those of other tenants do not exist."""

    @abstractmethod
    def add(self, role: Role) -> None:
        """Store a new role of the unit's tenant; the unit holds its lock from now on.

        Raises:
            RunAgain: a role has this id, or one of the tenant this name, ignoring case. Callers check first.
        """

    @abstractmethod
    def get(self, role_id: RoleId) -> Role | None:
        """Return the role, or None."""

    @abstractmethod
    def get_many(self, role_ids: Sequence[RoleId]) -> list[Role]:
        """Return the roles that exist among these ids, each once, in any order."""

    @abstractmethod
    def find_by_name(self, name: str) -> Role | None:
        """Return the role with this name, ignoring case and width, or None."""

    @abstractmethod
    def lock(self, role_id: RoleId) -> Role:
        """Lock the role until the unit ends, increment its change number, and return it as it is now.

        Roles are locked after tenants and before users, lower id first.

        Raises:
            RoleNotFound: there is no such role.
        """

    @abstractmethod
    def replace(self, role: Role) -> None:
        """Store another state of a locked role: all fields but ``id``, ``tenant_id`` and ``change_no``.

        Raises:
            RunAgain: another role of the tenant has this name, ignoring case. Callers check first.
        """

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


class RolesUnit(ChangingUnit, Protocol):
    """The part of a unit that roles need."""

    @property
    def roles(self) -> RoleRepository:
        """The tenant's roles as this unit sees them."""

    @property
    def role_assignments(self) -> RoleAssignmentRepository:
        """The assignments as this unit sees them."""
