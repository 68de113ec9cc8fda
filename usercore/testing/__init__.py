"""For tests of hosts and storages: fakes, storages that watch or fail, samples, strategies, and the storage contract.

``import usercore`` does not load it. The fakes, samples and wrapped storages need neither pytest nor Hypothesis; the
contract, ``strategies`` and ``machines`` are imported when they are first asked for, and need both:
``pip install '.[testing]'`` from a checkout. Fixtures and the mark of the contract's cases come from a plug-in of
pytest, which a ``conftest.py`` asks for: ``pytest_plugins = ["usercore.testing.plugin"]``.

PYTEST_DONT_REWRITE: a plug-in that is named on the command line loads this file before a host can ask for that, and
there is no assertion in it.
"""

from typing import TYPE_CHECKING

from usercore.testing import samples
from usercore.testing.fakes import NOON, TICK, FakeClock, FakeGate, FakeHasher, FakeRandomness, MemoryMailer
from usercore.testing.faults import FaultyStorage
from usercore.testing.watching import WatchedStorage

if TYPE_CHECKING:
    from usercore.testing import strategies
    from usercore.testing.contracts import Contract, StorageContract, units_of

__all__ = [
    "NOON",
    "TICK",
    "Contract",
    "FakeClock",
    "FakeGate",
    "FakeHasher",
    "FakeRandomness",
    "FaultyStorage",
    "MemoryMailer",
    "StorageContract",
    "WatchedStorage",
    "samples",
    "strategies",
    "units_of",
]

_OF_CONTRACTS = ("Contract", "StorageContract", "units_of")


def __getattr__(name: str) -> object:
    """Import what needs pytest and Hypothesis, when it is first asked for."""
    if name not in _OF_CONTRACTS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    import pytest  # noqa: PLC0415 - hosts that use the fakes need not have it

    pytest.register_assert_rewrite("usercore.testing.contracts")  # before it is imported
    from usercore.testing import contracts  # noqa: PLC0415 - as above

    globals().update({one: getattr(contracts, one) for one in _OF_CONTRACTS})
    return globals()[name]
