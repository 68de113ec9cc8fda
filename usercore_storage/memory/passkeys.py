"""Passkeys in memory."""

from datetime import datetime
from operator import attrgetter

from usercore.kernel.entity import evolve
from usercore.kernel.ids import TenantId, UserId
from usercore.passkeys.model import Passkey
from usercore.passkeys.ports import PasskeyRepository
from usercore.storage.recording import RecordingUnit
from usercore.users.model import User
from usercore_storage.memory.undo_dict import UndoDict, UndoLog
from usercore_storage.memory.undo_list import UndoList


class MemoryPasskeys(PasskeyRepository):
    """Stores passkeys by tenant and credential id, and the keys of each user's."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._passkeys = UndoDict[tuple[TenantId, bytes], Passkey](undo)
        self._of_users = UndoList[tuple[TenantId, UserId], int, Passkey](undo, attrgetter("id"))
        self._unit = unit

    def add(self, passkey: Passkey, /) -> None:
        self._passkeys.add((passkey.tenant_id, passkey.credential_id), passkey)
        self._of_users.add((passkey.tenant_id, passkey.user_id), passkey)

    def get(self, credential_id: bytes, /) -> Passkey | None:
        return self._passkeys.get((self._unit.tenant_id, credential_id))

    def list_of(self, user_id: UserId, /) -> list[Passkey]:
        listed = self._of_users.of((self._unit.tenant_id, user_id))
        found = (self.get(passkey.credential_id) for passkey in listed)
        return [passkey for passkey in found if passkey is not None]

    def use(self, credential_id: bytes, number: int, /, *, sign_count: int, backed_up: bool, at: datetime) -> bool:
        passkey = self.get(credential_id)
        if passkey is None or passkey.id != number:
            return False
        if passkey.sign_count >= sign_count and (passkey.sign_count or sign_count):
            return False
        used = evolve(passkey, sign_count=sign_count, backed_up=backed_up, last_used_at=at)
        self._passkeys.put((passkey.tenant_id, credential_id), used)
        return True

    def remove_of_user(self, user_id: UserId) -> None:
        for passkey in self.list_of(user_id):
            self.remove(passkey.credential_id)

    def remove(self, credential_id: bytes, /) -> bool:
        passkey = self.get(credential_id)
        if passkey is None:
            return False
        self._passkeys.remove((passkey.tenant_id, credential_id))
        self._of_users.remove((passkey.tenant_id, passkey.user_id), passkey)
        return True

    def rows_of(self, user_id: UserId) -> list[Passkey]:
        """Return the user's passkeys."""
        return sorted(self._of_users.of((self._unit.tenant_id, user_id)), key=lambda one: one.credential_id)

    def remove_user(self, user: User) -> None:
        """Remove the user's passkeys."""
        group = user.tenant_id, user.id
        for passkey in list(self._of_users.of(group)):
            self._passkeys.remove((passkey.tenant_id, passkey.credential_id))
            self._of_users.remove(group, passkey)
