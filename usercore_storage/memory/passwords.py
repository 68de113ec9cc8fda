"""Credentials in memory."""

from collections.abc import Sequence

from usercore.kernel.ids import UserId
from usercore.passwords.model import Credential
from usercore.passwords.ports import CredentialRepository
from usercore_storage.memory.undo_dict import UndoDict, UndoLog


class MemoryCredentials(CredentialRepository):
    """Stores one credential for each user."""

    def __init__(self, undo: UndoLog) -> None:
        self._credentials = UndoDict[UserId, Credential](undo)

    def get(self, user_id: UserId) -> Credential | None:
        return self._credentials.get(user_id)

    def get_many(self, user_ids: Sequence[UserId]) -> list[Credential]:
        return [found for found in map(self._credentials.get, dict.fromkeys(user_ids)) if found is not None]

    def add_many(self, credentials: Sequence[Credential]) -> None:
        for credential in credentials:
            self._credentials.add(credential.user_id, credential)

    def put(self, credential: Credential) -> None:
        self._credentials.put(credential.user_id, credential)
