"""The contract of a storage: one module for each port, one short case for each promise.

A storage author binds all of it by one fixture::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self) -> Iterator[Storage]: ...

Their mark ``rule`` is registered by ``pytest_plugins = ["usercore.testing.plugin"]`` in the host's ``conftest.py``.

The cases rely only on what the ports promise: users exist before their tokens do, and subjects are locked where the
port requires it. They run on engines that only offer READ COMMITTED, and on those with one writer.
"""

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from usercore.testing.contracts.base import Contract, units_of

__all__ = ["Contract", "StorageContract", "units_of"]


def _contracts() -> tuple[type[Contract], ...]:
    """Return the contracts of all files in this folder: a new one cannot be forgotten."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        import_module(f"{__name__}.{module}")
    return tuple(contract for contract in Contract.__subclasses__() if contract.__module__.startswith(__name__))


class StorageContract(*_contracts()):  # type: ignore[misc]  # found by listing
    """All that every storage must do."""

    def __init_subclass__(cls, *, without: Iterable[str] = ()) -> None:
        """Bind a storage, without the cases that need a feature which it lacks; see ``Contract``."""
        super().__init_subclass__(without=without)
