"""Pages of history and of the action log, as a unit reads them."""

from usercore.history.model import Action, Entry
from usercore.history.ports import ActionPlace, HistoryUnit, Place
from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.ids import UserId
from usercore.kernel.paging import Page, page_of


def page_of_changes(
    unit: HistoryUnit, user_id: UserId, before: Place | None, limit: int, *, kind: ChangeKind | None = None
) -> Page[Entry]:
    """Return a page of the changes of a user, newest first; with a kind, of those of this kind."""
    name = None if kind is None else kind.name
    found = unit.history.list_of(Subject.USER, user_id, before=before, limit=limit + 1, kind=name)
    return page_of(found, limit, lambda entry: (entry.change_no, entry.position))


def page_of_actions(
    unit: HistoryUnit, user_id: UserId | None, before: ActionPlace | None, limit: int, *, action: str | None = None
) -> Page[Action]:
    """Return a page of the action log, newest first: of one user or the tenant, of all actions or those of one name."""
    found = unit.actions.list_before(before, user_id=user_id, action=action, limit=limit + 1)
    return page_of(found, limit, lambda one: (one.id, one.user_id or 0))
