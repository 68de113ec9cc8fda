"""Lookups for authentication: what one query returns about a login's user, and about the owner of an access token."""

from abc import abstractmethod
from datetime import datetime
from typing import NamedTuple, Protocol

from usercore.kernel.context import SYSTEM
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.secret import Digest
from usercore.passwords.model import Credential
from usercore.roles.model import ActiveRole
from usercore.tokens.model import AccessToken, ApiToken
from usercore.users.keys import ClaimName
from usercore.users.model import User, UserState


class TokenOwner(NamedTuple):
    """A token, its owner, and what decides whether it is accepted. Used within one call only, so a tuple suffices.

    ``roles`` are the active roles of the user, by name.
    """

    token: AccessToken
    user: User
    tenant_active: bool
    must_change_password: bool
    roles: tuple[ActiveRole, ...]


@entity
class AccountUser:
    """What of a user decides whether they may sign in. Most fields of a user do not, and each costs time to read."""

    id: UserId
    tenant_id: TenantId
    state: UserState
    email: str | None
    requires_role: bool

    @property
    def is_admin(self) -> bool:
        """Whether the user is one of the tenant ``system``; see ``User``."""
        return self.tenant_id == SYSTEM


def account_user_of(user: User) -> AccountUser:
    """Return what of a user decides whether they may sign in."""
    return AccountUser(
        id=user.id, tenant_id=user.tenant_id, state=user.state, email=user.email, requires_role=user.requires_role
    )


class SignInMeans(NamedTuple):
    """What signs in a user. Whether the hash of the password can be verified, only a hasher tells."""

    user_id: UserId
    password: Credential | None
    has_passkey: bool


class LoginAccount(NamedTuple):
    """A user with their active roles, by name, and what decides whether their password is accepted."""

    user: AccountUser
    tenant_active: bool
    credential: Credential | None
    roles: tuple[ActiveRole, ...]


class Rights(NamedTuple):
    """What decides, besides the user's own row, whether and how a user may sign in. ``roles`` are active, by name."""

    tenant_active: bool
    credential: Credential | None
    has_second_factor: bool
    """Whether a second factor was confirmed."""
    roles: tuple[ActiveRole, ...]


class ApiTokenOwner(NamedTuple):
    """An API token, and whether its tenant is active."""

    token: ApiToken
    tenant_active: bool


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
    def find_api_token(self, digest: Digest) -> ApiTokenOwner | None:
        """Return the API token of the unit's tenant, in any state, with the tenant's state, or None."""

    @abstractmethod
    def get(self, user_id: UserId) -> LoginAccount | None:
        """Return the user of the unit's tenant, the tenant's state, the user's credential and roles, or None.

        One method for the same reason, and all of it comes from one snapshot. No state is checked here either, but
        inactive roles are left out.
        """

    @abstractmethod
    def find_by_claim(self, name: ClaimName) -> LoginAccount | None:
        """Return what ``get`` returns of the user whom this claim identifies, or None if it identifies none."""

    @abstractmethod
    def rights_of(self, user_id: UserId) -> Rights:
        """Return the rights of a user whom the unit has locked, and the state of the unit's tenant: one look-up."""

    @abstractmethod
    def list_able(self, *, at: datetime, limit: int) -> list[SignInMeans]:
        """Return what signs in, at an instant, at most ``limit`` active users of the unit's tenant, by id.

        That is a passkey, or a password that is neither void nor expired beside an email or a username; users with
        neither are left out. Wrong passwords are not considered. May read all users: call it for the few of the tenant
        ``system`` only.
        """


class LookupsUnit(Protocol):
    """The part of a unit that authentication needs."""

    @property
    def authentication(self) -> AuthenticationLookup:
        """The lookups for authentication in this unit."""
