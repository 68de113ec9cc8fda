"""Identifying: what one look at the storage tells about the holder of an access token."""

from abc import abstractmethod
from typing import NamedTuple, Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.tokens.model import AccessToken
from usercore.users.model import User


class SignedIn(NamedTuple):
    """A token, whose it is, and what decides whether it opens anything. Gone after the look, so a tuple will do."""

    token: AccessToken
    user: User
    tenant_active: bool
    must_change_password: bool


class SignedInRepository(Protocol):
    """Answers the most frequent question of all. ``usercore.testing.contracts.identifying`` proves it."""

    @abstractmethod
    def find(self, user_id: UserId, digest: Digest) -> SignedIn | None:
        """Give the token with its user, or None if there is no such token, or its user or tenant is not there.

        One method, because an engine that shards may need two reads where others join. Neither token nor user is
        judged here: ended and expired tokens, erased and deactivated users are given, too.
        """

    @abstractmethod
    def guard(self, user_id: UserId) -> tuple[User, bool]:
        """Lock the user as ``users.guard`` does; give them as they are now, and whether their tenant is active.

        One method for the same reason.

        Raises:
            UserNotFound: there is no such user in the unit's tenant, or it was erased.
        """


class IdentifyingUnit(Protocol):
    """The part of a unit that identifying needs."""

    @property
    def signed_in(self) -> SignedInRepository:
        """Who is signed in, as this unit sees it."""
