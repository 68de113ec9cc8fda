"""Lookups for authentication: what one query returns about a login's user, and about the owner of an access token."""

from abc import abstractmethod
from typing import NamedTuple, Protocol

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.passwords.model import Credential
from usercore.tokens.model import AccessToken
from usercore.users.model import User


class TokenOwner(NamedTuple):
    """A token, its owner, and what decides whether it is accepted. Used within one call only, so a tuple suffices."""

    token: AccessToken
    user: User
    tenant_active: bool
    must_change_password: bool


class LoginAccount(NamedTuple):
    """A user, and what decides whether their password is accepted."""

    user: User
    tenant_active: bool
    credential: Credential | None


class AuthenticationLookup(Protocol):
    """Answers the most frequent queries of all. ``usercore.testing.contracts.lookups`` tests it."""

    @abstractmethod
    def find(self, user_id: UserId, digest: Digest) -> TokenOwner | None:
        """Return the token with its user, or None if the token, its user or the tenant does not exist.

        One method, because an engine that shards may need two reads where others join. Neither token nor user is
        judged here: ended and expired tokens, erased and deactivated users are given, too. The token's user agent may
        be None, whatever it is: reading it would need another look-up.
        """

    @abstractmethod
    def get(self, user_id: UserId) -> LoginAccount | None:
        """Return the user of the unit's tenant, the tenant's state and the user's credential, or None without the user.

        One method for the same reason, and all three come from one snapshot. Their states are not checked here either.
        """


class LookupsUnit(Protocol):
    """The part of a unit that authentication needs."""

    @property
    def authentication(self) -> AuthenticationLookup:
        """The lookups for authentication in this unit."""
