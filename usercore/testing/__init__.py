"""For those who test: fakes, storages that watch or fail, what Hypothesis draws, and the contract of a storage.

``import usercore`` does not load it; it needs pytest and Hypothesis, ``pip install '.[testing]'`` from a checkout.

PYTEST_DONT_REWRITE: a plugin that is named on the command line loads this file before a host can ask for that, and
there is no assertion in it.
"""

import pytest

pytest.register_assert_rewrite("usercore.testing.contracts", "usercore.testing.faults")  # before they are imported

from usercore.testing import samples, strategies  # noqa: E402
from usercore.testing.contracts import Contract, StorageContract, units_of  # noqa: E402
from usercore.testing.fakes import (  # noqa: E402
    NOON,
    TICK,
    FakeClock,
    FakeGate,
    FakeHasher,
    FakeRandomness,
    MemoryMailer,
)
from usercore.testing.faults import FaultyStorage  # noqa: E402
from usercore.testing.watching import WatchedStorage  # noqa: E402

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
