"""Addresses, their versions and requests in SQL, beside their users, and types by tenant and key."""

from datetime import date
from typing import Final

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
from usercore.kernel.ids import UserId
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import ADDRESS_TYPES, ADDRESS_VERSIONS, CHANGE_REQUESTS

GET_TYPE: Final = f"SELECT {ADDRESS_TYPES.select} FROM usercore_address_types WHERE tenant_id = ? AND key = ?"
LIST_TYPES: Final = f"SELECT {ADDRESS_TYPES.select} FROM usercore_address_types WHERE tenant_id = ? ORDER BY key"
_SETS: Final = ", ".join(
    f"{column.name} = excluded.{column.name}"
    for column in ADDRESS_TYPES.columns
    if column.name not in ADDRESS_TYPES.key
)
PUT_TYPE: Final = f"{ADDRESS_TYPES.insert} ON CONFLICT (tenant_id, key) DO UPDATE SET {_SETS}"
HOLDING_FROM: Final = (
    f"SELECT {ADDRESS_VERSIONS.select} FROM usercore_address_versions"
    " WHERE user_id = ? AND (valid_until IS NULL OR valid_until > ?) ORDER BY id"
)
_BEFORE: Final = f"SELECT {CHANGE_REQUESTS.select} FROM usercore_change_requests WHERE user_id = ? AND id < ?"
LIST_BEFORE: Final = f"{_BEFORE} ORDER BY id DESC LIMIT ?"
LIST_BEFORE_BY_STATE: Final = f"{_BEFORE} AND state = ? ORDER BY id DESC LIMIT ?"


class SqlAddressTypes(AddressTypeRepository):
    """Stores types in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit

    def get(self, key: str) -> AddressType | None:
        rows = self._run(GET_TYPE, (self._unit.tenant_id, key))
        return ADDRESS_TYPES.read(rows[0]) if rows else None

    def list_all(self) -> list[AddressType]:
        return list(map(ADDRESS_TYPES.read, self._run(LIST_TYPES, (self._unit.tenant_id,))))

    def put(self, row: AddressType) -> None:
        self._run(PUT_TYPE, ADDRESS_TYPES.row(row))


class SqlAddresses(SqlRows[StoredAddress], AddressRepository):
    """Stores addresses in the transaction that ``run`` runs in."""


class SqlAddressVersions(SqlRows[AddressVersion], AddressVersionRepository):
    """Stores versions in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, ADDRESS_VERSIONS)

    def holding_from(self, user_id: UserId, day: date) -> list[AddressVersion]:
        return self._all(HOLDING_FROM, (user_id, day.isoformat()))


class SqlChangeRequests(SqlRows[StoredChangeRequest], ChangeRequestRepository):
    """Stores requests in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        super().__init__(run, CHANGE_REQUESTS)
        self._unit = unit
        self.from_all_shards = {  # operators list the open requests of all users
            "open": f"SELECT {CHANGE_REQUESTS.select_as('r')} FROM usercore_change_requests AS r"
            " WHERE r.tenant_id = ? AND r.decided_at IS NULL AND r.id > ? AND EXISTS"
            " (SELECT a.id FROM usercore_addresses AS a"
            " WHERE a.user_id = r.user_id AND a.id = r.address_id AND a.removed_at IS NULL)"
            " ORDER BY r.id LIMIT ?"
        }

    def list_before(
        self, user_id: UserId, before: int, *, state: ChangeRequestState | None, limit: int
    ) -> list[StoredChangeRequest]:
        if state is None:
            return self._all(LIST_BEFORE, (user_id, before, limit))
        return self._all(LIST_BEFORE_BY_STATE, (user_id, before, str(state), limit))

    def list_open(self, after: int, *, limit: int) -> list[StoredChangeRequest]:
        return self._all(self.from_all_shards["open"], (self._unit.tenant_id, after, limit))
