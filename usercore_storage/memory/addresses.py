"""Addresses, their versions, requests and types in memory."""

from datetime import date
from heapq import nlargest, nsmallest

from usercore.addresses.model import (
    AddressType,
    AddressVersion,
    ChangeRequestState,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.addresses.ports import (
    AddressRepository,
    AddressTypeRepository,
    AddressVersionRepository,
    ChangeRequestRepository,
)
from usercore.kernel.ids import TenantId, UserId
from usercore.storage.recording import RecordingUnit
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoDict, UndoLog


class MemoryAddressTypes(AddressTypeRepository):
    """Stores types by tenant and key."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._types = UndoDict[tuple[TenantId, str], AddressType](undo)
        self._unit = unit

    def get(self, key: str) -> AddressType | None:
        return self._types.get((self._unit.tenant_id, key))

    def list_all(self) -> list[AddressType]:
        own = (row for row in self._types.values() if row.tenant_id == self._unit.tenant_id)
        return sorted(own, key=lambda row: row.key)

    def put(self, row: AddressType) -> None:
        self._types.put((row.tenant_id, row.key), row)


class MemoryAddresses(MemoryRows[StoredAddress], AddressRepository):
    """Stores addresses by user and id."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "id")


class MemoryAddressVersions(MemoryRows[AddressVersion], AddressVersionRepository):
    """Stores versions by user and id."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "id")

    def holding_from(self, user_id: UserId, day: date) -> list[AddressVersion]:
        return [row for row in self.list_of(user_id) if row.valid_until is None or row.valid_until > day]


class MemoryChangeRequests(MemoryRows[StoredChangeRequest], ChangeRequestRepository):
    """Stores requests by user and id, and the open ones by id."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit, addresses: MemoryAddresses) -> None:
        super().__init__(undo, "id")
        self._open = UndoDict[tuple[UserId, int], StoredChangeRequest](undo)
        self._unit = unit
        self._addresses = addresses

    def add(self, row: StoredChangeRequest) -> None:
        super().add(row)
        if row.decided_at is None:
            self._open.put((row.user_id, row.id), row)

    def remove(self, user_id: UserId, request_id: int) -> bool:
        self._open.remove((user_id, request_id))
        return super().remove(user_id, request_id)

    def list_before(
        self, user_id: UserId, before: int, *, state: ChangeRequestState | None, limit: int
    ) -> list[StoredChangeRequest]:
        rows = (row for row in self.list_of(user_id) if row.id < before and state in (None, row.state))
        return nlargest(limit, rows, key=lambda row: row.id)

    def list_open(self, after: int, *, limit: int) -> list[StoredChangeRequest]:
        rows = (row for row in self._open.values() if row.tenant_id == self._unit.tenant_id and row.id > after)
        return nsmallest(limit, filter(self._can_be_decided, rows), key=lambda row: row.id)

    def _can_be_decided(self, row: StoredChangeRequest) -> bool:
        address = self._addresses.get(row.user_id, row.address_id)
        return address is not None and address.removed_at is None
