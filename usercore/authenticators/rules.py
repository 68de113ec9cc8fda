"""Which users sign in, by which authenticators, and whose access tokens go on to identify them. Pure."""

from collections.abc import Collection, Iterable
from typing import Final

from usercore.attempts.model import AttemptStatus
from usercore.roles.model import ActiveRole
from usercore.storage.lookups import AccountUser
from usercore.users.model import User, UserState

STRONG: Final = frozenset({"password", "passkey", "trusted", "registration"})
"""The authenticators whose access tokens go on to identify a user who became privileged since. The host answers for
``trusted`` and for whom it registers. Source: spec T5."""


def is_privileged(user: User, roles: Iterable[ActiveRole]) -> bool:
    """Return whether only strong authenticators sign in this user, who has these active roles. Source: spec T5."""
    return user.is_admin or any(role.privileged for role in roles)


def can_be_void(user: User | AccountUser, *, has_other_admin: bool) -> bool:
    """Return whether wrong passwords may make this user's password void.

    Not the password of a user without an email, who could not reset it, nor that of an admin if no other one can sign
    in. Source: spec S7.
    """
    return user.email is not None and (has_other_admin or not user.is_admin)


def lacks_role(user: User | AccountUser, roles: Collection[ActiveRole]) -> bool:
    """Return whether the user needs an active role to sign in, and has none. Source: spec T4."""
    return user.requires_role and not roles


def sign_in_obstacle(
    user: User | AccountUser, *, tenant_active: bool, roles: Collection[ActiveRole]
) -> AttemptStatus | None:
    """Return the status that keeps a user with these active roles from signing in, or None. Source: spec S3."""
    if user.state is UserState.ACTIVE and tenant_active and not lacks_role(user, roles):
        return None
    return AttemptStatus.UNCLAIMED_USER if user.state is UserState.UNCLAIMED else AttemptStatus.INACTIVE_USER


def identifies(authenticator: str, user: User, *, tenant_active: bool, roles: Collection[ActiveRole]) -> bool:
    """Return whether an open access token of this authenticator identifies its user, who has these active roles."""
    if sign_in_obstacle(user, tenant_active=tenant_active, roles=roles) is not None:
        return False
    return authenticator in STRONG or not is_privileged(user, roles)
