"""Steps of every change of a password."""

from datetime import datetime
from typing import Protocol

from usercore.accounts.status import AccountsUnit
from usercore.kernel.changes import Change
from usercore.kernel.secret import Digest
from usercore.passwords.model import REPLACED, PasswordChange, ReplacedPassword
from usercore.passwords.service import store_password
from usercore.throttling.keys import CounterKeys
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.policies import RevocationPolicy
from usercore.tokens.service import REVOKE_ALL, revoke_all
from usercore.users.model import User


class PasswordChangeUnit(AccountsUnit, Protocol):
    """What changing a password reads and writes."""


def replace_password(
    unit: PasswordChangeUnit,
    user: User,
    hashed: tuple[str, str | None],
    reason: PasswordChange,
    *,
    at: datetime,
    keep: Digest | None = None,
    policy: RevocationPolicy = REVOKE_ALL,
) -> None:
    """Store a new password of a locked user, revoke tokens except ``keep``, and request a mail to the user."""
    store_password(unit, user.id, hashed, at=at, reason=reason)
    is_own = reason is PasswordChange.CHANGE
    revokes = RevocationReason.PASSWORD_CHANGED if is_own else RevocationReason.PASSWORD_SET
    revoke_all(unit, user.id, revokes, at=at, keep=keep, policy=policy)
    replaced = ReplacedPassword(reason=reason, email=user.email)
    unit.record(Change(kind=REPLACED, subject_id=user.id, new=replaced, recipient=user.email))


def reset_failures(unit: PasswordChangeUnit, user: User, keys: CounterKeys) -> None:
    """Reset the failures and wrong passwords of a locked user, so that no password waits and none is void.

    Wrong codes stay: who can reset a password must not be able to try more codes by that. Source: spec S7.
    """
    reset_counter(unit, keys.account(user.tenant_id, user.id))


def reset_counter(unit: PasswordChangeUnit, key: bytes) -> None:
    """Reset the failures under a key, if there are any."""
    for counter in unit.failure_counters.get_many([key]):
        unit.failure_counters.reset(key, up_to=counter.tries)
