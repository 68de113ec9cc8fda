"""What every storage must do: one file a port, one short case a promise.

A storage author binds all of it by one fixture::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self) -> Iterator[Storage]: ...

Their mark ``rule`` is registered by ``pytest_plugins = ["usercore.testing.plugin"]`` in the host's ``conftest.py``.

The cases need what the ports promise and nothing else: users are there before their tokens are, and what the port says
is guarded is guarded. They run on engines that give READ COMMITTED only, and on those with one writer.
"""

import pkgutil
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
