"""Reading history."""

from usercore.history.model import Entry
from usercore.history.ports import HistoryUnit
from usercore.kernel.changes import Subject
from usercore.kernel.paging import PAGE_SIZE, Page, check_limit, page_of, read_cursor
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen


@frozen(kw_only=True)
class History:
    """Reads what happened to a user. Trusted: for operators. Safe to share between threads."""

    scope: ServiceContext[HistoryUnit]

    def of_user(self, ref: Reference, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Entry]:
        """List the changes of a user, newest first; ``limit`` is 1 to 1000.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: limit or cursor is wrong.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)
        rows, place = check_limit(limit), read_cursor(cursor, int, int)
        before = None if place is None else (int(place[0]), int(place[1]))

        def query(unit: HistoryUnit) -> list[Entry]:
            return unit.history.list_of(Subject.USER, unit.get_or_raise(ref), before=before, limit=rows + 1)

        return page_of(self.scope.units.read(query), rows, lambda entry: (entry.change_no, entry.position))
