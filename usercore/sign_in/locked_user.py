"""Locking the user of an attempt: what holds for every authenticator, and for the second step of a sign-in again."""

from usercore.attempts.model import AttemptStatus
from usercore.authenticators.base import LockedUser, RejectedAttempt, SignInUnit
from usercore.authenticators.rules import is_privileged, sign_in_obstacle
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.users.model import LastSignIn


def lock_user(
    unit: SignInUnit,
    user_id: UserId,
    note: LastSignIn | None,
    *,
    allows_privileged: bool,
    unknown_status: AttemptStatus,
) -> LockedUser:
    """Lock the user of an attempt, and check that the user may sign in by this authenticator.

    Raises:
        RejectedAttempt: there is no such user, or the user may not sign in. Source: spec S3, T5.
    """
    try:
        user = unit.users.lock(user_id, note)
    except UserNotFound:
        raise RejectedAttempt(unknown_status) from None
    rights = unit.authentication.rights_of(user.id)
    privileged = is_privileged(user, rights.roles)
    rejected = sign_in_obstacle(user, tenant_active=rights.tenant_active, roles=rights.roles)
    if rejected is None and privileged and not allows_privileged:
        rejected = AttemptStatus.REFUSED
    if rejected is not None:
        raise RejectedAttempt(rejected, user_id=user.id)
    return LockedUser(user, rights, privileged)
