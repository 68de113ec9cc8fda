"""Steps of changing an email: storing it, and notifying the owner of the former one."""

from datetime import datetime
from typing import Protocol

from usercore.attempts.ports import AttemptsUnit
from usercore.history.ports import HistoryUnit
from usercore.kernel.changes import Change
from usercore.kernel.entity import evolve
from usercore.passkeys.ports import PasskeysUnit
from usercore.passwords.ports import PasswordsUnit
from usercore.second_factors.ports import SecondFactorsUnit
from usercore.storage.lookups import LookupsUnit
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.ports import TokensUnit
from usercore.tokens.service import revoke_all
from usercore.users.model import EMAIL_CHANGED, EMAIL_REPLACED, FormerEmail, User
from usercore.users.ports import UsersUnit
from usercore.users.service import replace_user


class EmailChangeUnit(
    UsersUnit,
    AttemptsUnit,
    PasswordsUnit,
    TokensUnit,
    PasskeysUnit,
    SecondFactorsUnit,
    HistoryUnit,
    LookupsUnit,
    Protocol,
):
    """What changing an email reads and writes."""


def store_email(
    unit: EmailChangeUnit, user: User, email: str, *, verified_at: datetime | None, at: datetime, by: str
) -> User:
    """Store another email of a locked user; a username that is the email changes, too.

    Raises:
        Taken: another user has this email.
    """
    follows = user.username is not None and "@" in user.username
    new = evolve(user, email=email, email_verified_at=verified_at, username=email if follows else user.username)
    return replace_user(unit, user, new, EMAIL_CHANGED, at=at, by=by)


def finish_change(unit: EmailChangeUnit, old: User, *, undo: int | None, at: datetime) -> None:
    """Notify the owner of a former email if it was verified, and revoke what the change of the email revokes.

    ``undo`` is the number of the change if it can be undone.
    """
    if old.email is not None and old.email_verified:
        former = FormerEmail(email=old.email, can_undo=undo is not None)
        unit.record(Change(kind=EMAIL_REPLACED, subject_id=old.id, old=former, generation=undo, recipient=old.email))
    revoke_all(unit, old.id, RevocationReason.EMAIL_CHANGED, at=at)
