"""The steps of erasing a user, for every use-case that erases one."""

from datetime import datetime
from typing import Final, Protocol

from usercore.history.ports import HistoryUnit, PersonalFields
from usercore.kernel.changes import Change, Subject
from usercore.kernel.ids import UserId
from usercore.storage import KINDS
from usercore.users.model import ERASED
from usercore.users.ports import UsersUnit
from usercore.users.rules import erased


class ErasingUnit(UsersUnit, HistoryUnit, Protocol):
    """What erasing a user reads and writes."""


_PERSONAL: Final[PersonalFields] = {
    kind.name: kind.personal for kind in KINDS.values() if kind.subject is Subject.USER and kind.personal
}


def erase_user(unit: ErasingUnit, user_id: UserId, *, at: datetime, by: str) -> None:
    """Lock a user, remove their rows from every table, blank their own row and history, and record the change.

    The row stays as ``erased``; the identifiers are free.

    Raises:
        UserNotFound: there is no such user in the unit's tenant, or it was erased.
    """
    user = unit.users.lock(user_id)
    unit.users.remove_rows(user)
    unit.history.blank(Subject.USER, user_id, _PERSONAL, tenant_id=user.tenant_id)
    new = erased(user, at=at, by=by)
    unit.users.replace(new)
    unit.record(Change(kind=ERASED, subject_id=user_id, old=user, new=new))
