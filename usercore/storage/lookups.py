"""Identifying: what one look at the storage tells about who signs in, and about the holder of an access token."""

from abc import abstractmethod
from typing import NamedTuple, Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.passwords.model import Credential
from usercore.tokens.model import AccessToken
from usercore.users.model import User


class TokenOwner(NamedTuple):
    """A token, whose it is, and what decides whether it opens anything. Gone after the look, so a tuple will do."""

    token: AccessToken
    user: User
    tenant_active: bool
    must_change_password: bool


class LoginAccount(NamedTuple):
    """A user, and what decides whether a password lets them in."""

    user: User
    tenant_active: bool
    credential: Credential | None


class AuthenticationLookup(Protocol):
    """Answers the most frequent questions of all. ``usercore.testing.contracts.lookups`` proves it."""

    @abstractmethod
    def find(self, user_id: UserId, digest: Digest) -> TokenOwner | None:
        """Give the token with its user, or None if there is no such token, or its user or tenant is not there.

        One method, because an engine that shards may need two reads where others join. Neither token nor user is
        judged here: ended and expired tokens, erased and deactivated users are given, too. The token's user agent may
        be None, whatever it is: reading it would need another look-up.
        """

    @abstractmethod
    def get(self, user_id: UserId) -> LoginAccount | None:
        """Give the user of the unit's tenant, the tenant's state and the user's credential, or None without the user.

        One method for the same reason, and all three as they are at one moment. Nothing is judged here either.
        """


class LookupsUnit(Protocol):
    """The part of a unit that identifying needs."""

    @property
    def authentication(self) -> AuthenticationLookup:
        """Who is signed in, as this unit sees it."""
