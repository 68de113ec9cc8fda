"""History in memory."""

from collections.abc import Sequence
from datetime import datetime

from usercore.history.model import Entry
from usercore.history.ports import HistoryRepository, PersonalFields, Place
from usercore.history.rules import without
from usercore.kernel.changes import Subject
from usercore.kernel.ids import TenantId
from usercore.storage.recording import RecordingUnit
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList


class MemoryHistory(HistoryRepository):
    """Stores entries by tenant and subject, each list by place."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._entries = UndoList[tuple[TenantId, Subject, int], Place, Entry](
            undo, lambda entry: (entry.change_no, entry.position)
        )
        self._unit = unit

    def add_many(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._entries.add((entry.tenant_id, entry.subject, entry.subject_id), entry)

    def get(self, subject: Subject, subject_id: int, place: Place) -> Entry | None:
        return self._entries.find((self._unit.tenant_id, subject, subject_id), place)

    def list_of(
        self, subject: Subject, subject_id: int, *, before: Place | None, limit: int, kind: str | None = None
    ) -> list[Entry]:
        group = self._unit.tenant_id, subject, subject_id
        if kind is None:
            return self._entries.newest(group, before=before, limit=limit)
        every = self._entries.newest(group, before=before, limit=len(self._entries.of(group)))
        return [entry for entry in every if entry.kind == kind][:limit]

    def earliest_from(self, subject: Subject, subject_id: int, place: Place) -> datetime | None:
        entries = self._entries.of((self._unit.tenant_id, subject, subject_id))
        return min((entry.at for entry in entries if (entry.change_no, entry.position) >= place), default=None)

    def blank(self, subject: Subject, subject_id: int, personal: PersonalFields, *, tenant_id: TenantId) -> None:
        group = tenant_id, subject, subject_id
        for entry in list(self._entries.of(group)):
            self._entries.remove(group, entry)
            self._entries.add(group, without(entry, personal.get(entry.kind, frozenset())))

    def remove_unknown_logins(self, before: datetime, *, limit: int) -> list[int]:
        entries = (entry for group, entry in self._entries.everything() if group[1] is Subject.UNKNOWN_LOGIN)
        removed = oldest(entries, lambda entry: entry.at, before=before, limit=limit)
        for entry in removed:
            self._entries.remove((entry.tenant_id, entry.subject, entry.subject_id), entry)
        return [entry.subject_id for entry in removed]

    def remove_user(self, user: User) -> None:
        """Remove the entries about the user."""
        group = user.tenant_id, Subject.USER, user.id
        for entry in list(self._entries.of(group)):
            self._entries.remove(group, entry)
