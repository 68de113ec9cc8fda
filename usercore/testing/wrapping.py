"""What storages for tests that wrap another one have in common."""

from abc import abstractmethod
from collections.abc import Callable

import attrs

from usercore.kernel.units import Units
from usercore.storage import Storage, Unit, UnitSource
from usercore.storage.recording import UnitContext


class WrappedStorage(Storage):
    """Behaves as the storage it wraps, but for its units, also those of joined transactions."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @abstractmethod
    def wrap(self, units: Units[Unit]) -> Units[Unit]:
        """Return the units to use instead of those of the wrapped storage."""

    @property
    def capabilities(self) -> frozenset[str]:
        return self._storage.capabilities

    @property
    def features(self) -> frozenset[str]:
        return self._storage.features

    @property
    def secret(self) -> bytes:
        return self._storage.secret

    def units(self, origin: UnitContext) -> Units[Unit]:
        return self.wrap(self._storage.units(origin))

    def join(self, connection: object) -> UnitSource:
        return _WrappedSource(self._storage.join(connection), self.wrap)

    def purge(self, *, thorough: bool) -> None:
        self._storage.purge(thorough=thorough)

    def close(self) -> None:
        self._storage.close()


@attrs.frozen
class _WrappedSource(UnitSource):
    _source: UnitSource
    _wrap: Callable[[Units[Unit]], Units[Unit]]

    def units(self, origin: UnitContext) -> Units[Unit]:
        return self._wrap(self._source.units(origin))
