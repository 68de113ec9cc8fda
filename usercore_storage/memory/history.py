"""History in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import product

from usercore.history.model import Action, ActionCount, Entry
from usercore.history.ports import ActionPlace, ActionRepository, HistoryRepository, PersonalFields, Place
from usercore.history.rules import blank
from usercore.kernel.changes import Subject
from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.storage.recording import RecordingUnit
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest
from usercore_storage.memory.undo_list import UndoList, itself

ActionGroup = tuple[TenantId, UserId | None, str | None]
"""The tenant, the user and the name of actions, or None for all users and all names: what they are listed by."""


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
            self._entries.add(group, blank(entry, personal.get(entry.kind, frozenset())))

    def blank_actor(self, actor: str, *, limit: int) -> int:
        every = self._entries.everything()
        found = [(group, entry) for group, entry in every if entry.actor == actor and entry.ip is not None][:limit]
        for group, entry in found:
            self._entries.remove(group, entry)
            self._entries.add(group, evolve(entry, ip=None))
        return len(found)

    def remove_unknown_logins(self, before: datetime, *, limit: int) -> list[int]:
        entries = (entry for group, entry in self._entries.everything() if group[1] is Subject.UNKNOWN_LOGIN)
        removed = oldest(entries, lambda entry: entry.at, before=before, limit=limit)
        for entry in removed:
            self._entries.remove((entry.tenant_id, entry.subject, entry.subject_id), entry)
        return [entry.subject_id for entry in removed]

    def rows_of(self, user_id: UserId) -> Sequence[Entry]:
        """Return the entries about the user."""
        return list(self._entries.of((self._unit.tenant_id, Subject.USER, user_id)))

    def remove_user(self, user: User) -> None:
        """Remove the entries about the user."""
        group = user.tenant_id, Subject.USER, user.id
        for entry in list(self._entries.of(group)):
            self._entries.remove(group, entry)


class MemoryActions(ActionRepository):
    """Stores actions by place, and the places of each group that they are listed by."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._actions = UndoDict[ActionPlace, Action](undo)
        self._places = UndoList[ActionGroup, ActionPlace, ActionPlace](undo, itself)
        self._unit = unit

    def add(self, action: Action) -> None:
        self._actions.add(_place_of(action), action)
        for group in _groups_of(action):
            self._places.add(group, _place_of(action))

    def list_before(
        self, before: ActionPlace | None, *, user_id: UserId | None, action: str | None, limit: int
    ) -> list[Action]:
        group = self._unit.tenant_id, user_id, action
        return self._at(self._places.newest(group, before=before, limit=limit))

    def counts(self, user_id: UserId | None) -> list[ActionCount]:
        found = self._at(self._places.of((self._unit.tenant_id, user_id, None)))
        counted = Counter(action.action for action in found)
        return [ActionCount(action=action, count=count) for action, count in counted.items()]

    def remove_before(self, before: datetime, *, limit: int) -> int:
        removed = oldest(self._actions.values(), lambda action: action.at, before=before, limit=limit)
        for action in removed:
            self._remove(action)
        return len(removed)

    def remove_all(self, *, limit: int) -> int:
        removed = self._at(self._places.of((self._unit.tenant_id, None, None))[:limit])
        for action in removed:
            self._remove(action)
        return len(removed)

    def blank_actor(self, actor: str, *, limit: int) -> int:
        found = [one for one in self._actions.values() if one.actor == actor and one.ip is not None][:limit]
        for action in found:
            self._actions.put(_place_of(action), evolve(action, ip=None))
        return len(found)

    def rows_of(self, user_id: UserId) -> list[Action]:
        """Return the actions about the user."""
        return self._at(self._places.of((self._unit.tenant_id, user_id, None)))

    def remove_user(self, user: User) -> None:
        """Remove the actions about the user."""
        for action in self._at(self._places.of((user.tenant_id, user.id, None))):
            self._remove(action)

    def _at(self, places: Sequence[ActionPlace]) -> list[Action]:
        found = map(self._actions.get, places)
        return [action for action in found if action is not None]

    def _remove(self, action: Action) -> None:
        self._actions.remove(_place_of(action))
        for group in _groups_of(action):
            self._places.remove(group, _place_of(action))


def _place_of(action: Action) -> ActionPlace:
    return action.id, action.user_id or 0


def _groups_of(action: Action) -> list[ActionGroup]:
    users = {None, action.user_id}
    return list(product([action.tenant_id], users, (None, action.action)))
