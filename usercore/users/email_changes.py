"""Steps of changing an email: which changes are open, and the former addresses that are held for them."""

from collections.abc import Iterable
from datetime import datetime

from usercore.users.keys import KeySpace
from usercore.users.model import EmailChange, EmailChangeState, User
from usercore.users.ports import UsersUnit
from usercore.users.rules import closed, holds_of, is_open
from usercore.users.service import hold_key


def open_changes(unit: UsersUnit, user: User, *, at: datetime, after: int = -1) -> list[EmailChange]:
    """Return the changes of a locked user with a higher number that can still be confirmed or undone."""
    return [one for one in unit.email_changes.list_of(user.id) if one.number > after and is_open(one, at)]


def put_changes(unit: UsersUnit, user: User, changes: Iterable[EmailChange], *, at: datetime) -> None:
    """Store changes of a locked user, and hold exactly the former addresses that can still be restored."""
    before = holds_of(unit.email_changes.list_of(user.id), at)
    for change in changes:
        unit.email_changes.put(change)
    after = holds_of(unit.email_changes.list_of(user.id), at)
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            hold_key(unit, user, KeySpace.LOGIN, key, until=after.get(key))


def cancel_changes(
    unit: UsersUnit, user: User, *, at: datetime, state: EmailChangeState | None = None, after: int = -1
) -> None:
    """Cancel the open changes of a locked user, those in this state only or those with a higher number only."""
    changes = open_changes(unit, user, at=at, after=after)
    cancelled = [closed(one, EmailChangeState.CANCELLED, at) for one in changes if state in (None, one.state)]
    if cancelled:
        put_changes(unit, user, cancelled, at=at)
