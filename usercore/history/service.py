"""Reading history page by page."""

from usercore.history.model import Entry
from usercore.history.ports import HistoryUnit
from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.paging import Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.units import Units


def list_changes(
    units: Units[HistoryUnit], ref: Reference, *, cursor: str | None, limit: int, kind: ChangeKind | None = None
) -> Page[Entry]:
    """Return a page of the changes of a user, newest first; with a kind, of those of this kind.

    Raises:
        TypeError: an argument has the wrong type.
        Invalid: limit, cursor or ``ref`` is malformed.
        UserNotFound: no user of this tenant has this reference.
    """
    check_reference(ref)
    rows, place = check_limit(limit), read_cursor(cursor, int, int)
    before = None if place is None else (int(place[0]), int(place[1]))

    def query(unit: HistoryUnit) -> list[Entry]:
        user_id, name = unit.get_or_raise(ref), None if kind is None else kind.name
        return unit.history.list_of(Subject.USER, user_id, before=before, limit=rows + 1, kind=name)

    return page_of(units.read(query), rows, lambda entry: (entry.change_no, entry.position))
