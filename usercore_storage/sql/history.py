"""History in SQL, beside its subjects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from usercore.history.model import Action, ActionCount, Entry
from usercore.history.ports import ActionPlace, ActionRepository, HistoryRepository, PersonalFields, Place
from usercore.history.rules import blank
from usercore.kernel.changes import Subject
from usercore.kernel.ids import LIMIT, TenantId, UserId
from usercore.kernel.time import from_micros, to_micros
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.tables import ACTIONS, HISTORY

_OF: Final = f"SELECT {HISTORY.select} FROM usercore_history WHERE subject_id = ? AND subject = ?"
GET: Final = f"{_OF} AND change_no = ? AND position = ? AND tenant_id = ?"
LIST: Final = (
    f"{_OF} AND (change_no, position) < (?, ?) AND tenant_id = ? ORDER BY change_no DESC, position DESC LIMIT ?"
)
LIST_KIND: Final = (
    f"{_OF} AND (change_no, position) < (?, ?) AND tenant_id = ? AND kind = ?"
    " ORDER BY change_no DESC, position DESC LIMIT ?"
)
EARLIEST: Final = (
    "SELECT at FROM usercore_history WHERE subject_id = ? AND subject = ?"
    " AND (change_no, position) >= (?, ?) AND tenant_id = ? ORDER BY at LIMIT 1"
)

OF_SUBJECT: Final = f"{_OF} AND tenant_id = ? ORDER BY change_no, position"
_AT: Final = "WHERE subject_id = ? AND subject = ? AND change_no = ? AND position = ?"
BLANK: Final = f"UPDATE usercore_history SET ip = NULL, old_text = ?, new_text = ? {_AT}"
BLANK_ADDRESS: Final = f"UPDATE usercore_history SET ip = NULL {_AT}"
REMOVE: Final = (
    "DELETE FROM usercore_history WHERE (subject_id, subject) IN (SELECT subject_id, subject FROM usercore_history"
    " WHERE subject = 'unknown_login' AND at < ? ORDER BY at LIMIT ?) RETURNING subject_id"
)

_OF_USER: Final = "FROM usercore_actions WHERE user_id = ? AND tenant_id = ?"
LIST_OF_USER: Final = f"SELECT {ACTIONS.select} {_OF_USER} AND id < ? ORDER BY id DESC LIMIT ?"
LIST_NAMED_OF_USER: Final = f"SELECT {ACTIONS.select} {_OF_USER} AND action = ? AND id < ? ORDER BY id DESC LIMIT ?"
COUNTS_OF_USER: Final = f"SELECT action, COUNT(*) {_OF_USER} GROUP BY action"
BLANK_ACTION: Final = "UPDATE usercore_actions SET ip = NULL WHERE user_id = ? AND id = ?"
REMOVE_ACTIONS: Final = (
    "DELETE FROM usercore_actions WHERE (user_id, id) IN"
    " (SELECT user_id, id FROM usercore_actions WHERE at < ? ORDER BY at LIMIT ?) RETURNING id"
)


class SqlHistory(HistoryRepository):
    """Entries in the transaction of the executor."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit
        self.from_all_shards = {  # an actor changes any subject
            "actor": f"SELECT {', '.join(HISTORY.key)} FROM usercore_history WHERE actor = ? AND actor <> 'host'"
            " AND ip IS NOT NULL LIMIT ?"
        }

    def add_many(self, entries: Sequence[Entry]) -> None:
        self._run.many(*HISTORY.insert_many([HISTORY.row(entry) for entry in entries]))

    def get(self, subject: Subject, subject_id: int, place: Place) -> Entry | None:
        rows = self._run(GET, (subject_id, subject._value_, *place, self._unit.tenant_id))
        return HISTORY.read(rows[0]) if rows else None

    def list_of(
        self, subject: Subject, subject_id: int, *, before: Place | None, limit: int, kind: str | None = None
    ) -> list[Entry]:
        values = (subject_id, subject._value_, *(before or (LIMIT, 0)), self._unit.tenant_id)
        rows = self._run(LIST, (*values, limit)) if kind is None else self._run(LIST_KIND, (*values, kind, limit))
        return list(map(HISTORY.read, rows))

    def earliest_from(self, subject: Subject, subject_id: int, place: Place) -> datetime | None:
        rows = self._run(EARLIEST, (subject_id, subject._value_, *place, self._unit.tenant_id))
        return from_micros(rows[0][0]) if rows else None

    def blank(self, subject: Subject, subject_id: int, personal: PersonalFields, *, tenant_id: TenantId) -> None:
        entries = map(HISTORY.read, self._run(OF_SUBJECT, (subject_id, subject._value_, tenant_id)))
        blanked = [(entry, blank(entry, personal.get(entry.kind, frozenset()))) for entry in entries]
        rows = [
            (new.old_text, new.new_text, subject_id, subject._value_, new.change_no, new.position)
            for old, new in blanked
            if new != old
        ]
        self._run.many(BLANK, rows)

    def blank_actor(self, actor: str, *, limit: int) -> int:
        keys = self._run(self.from_all_shards["actor"], (actor, limit))
        self._run.many(BLANK_ADDRESS, keys)
        return len(keys)

    def remove_unknown_logins(self, before: datetime, *, limit: int) -> list[int]:
        return [subject_id for (subject_id,) in self._run(REMOVE, (to_micros(before), limit))]


class SqlActions(ActionRepository):
    """The action log in the transaction of the executor."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit
        of_tenant = "FROM usercore_actions WHERE tenant_id = ?"
        rest = "AND (id, user_id) < (?, ?) ORDER BY id DESC, user_id DESC LIMIT ?"
        self.from_all_shards = {  # actions are stored beside their users, who may be on any shard
            "all": f"SELECT {ACTIONS.select} {of_tenant} {rest}",
            "named": f"SELECT {ACTIONS.select} {of_tenant} AND action = ? {rest}",
            "counts": f"SELECT action, COUNT(*) {of_tenant} GROUP BY action",
            "remove": (
                "DELETE FROM usercore_actions WHERE (user_id, id) IN"
                f" (SELECT user_id, id {of_tenant} ORDER BY id LIMIT ?) RETURNING id"
            ),
            "actor": "SELECT user_id, id FROM usercore_actions WHERE actor = ? AND actor <> 'host' AND ip IS NOT NULL"
            " LIMIT ?",
        }

    def add(self, action: Action) -> None:
        self._run(ACTIONS.insert, ACTIONS.row(action))

    def list_before(
        self, before: ActionPlace | None, *, user_id: UserId | None, action: str | None, limit: int
    ) -> list[Action]:
        number, user = before or (LIMIT, 0)
        place, name = (number, user or -number), () if action is None else (action,)
        if user_id is None:
            statement = self.from_all_shards["all" if action is None else "named"]
            rows = self._run(statement, (self._unit.tenant_id, *name, *place, limit))
        else:
            statement = LIST_OF_USER if action is None else LIST_NAMED_OF_USER
            rows = self._run(statement, (user_id, self._unit.tenant_id, *name, place[0], limit))
        return list(map(ACTIONS.read, rows))

    def counts(self, user_id: UserId | None) -> list[ActionCount]:
        if user_id is None:
            rows = self._run(self.from_all_shards["counts"], (self._unit.tenant_id,))
        else:
            rows = self._run(COUNTS_OF_USER, (user_id, self._unit.tenant_id))
        return [ActionCount(action=action, count=count) for action, count in rows]

    def blank_actor(self, actor: str, *, limit: int) -> int:
        keys = self._run(self.from_all_shards["actor"], (actor, limit))
        self._run.many(BLANK_ACTION, keys)
        return len(keys)

    def remove_before(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_ACTIONS, (to_micros(before), limit)))

    def remove_all(self, *, limit: int) -> int:
        return len(self._run(self.from_all_shards["remove"], (self._unit.tenant_id, limit)))
