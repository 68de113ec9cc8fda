"""The base of all state machines: a core with fakes, a clock that moves, and outcomes that must all occur.

A storage author writes ``class MyMachine(LoginTokenMachine)`` with ``open_storage`` and calls
``run_machine(MyMachine)``.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import attrs
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, run_state_machine_as_test

from usercore.attempts.model import RegistrationPolicy
from usercore.composition.host import Host
from usercore.composition.policy import Policy
from usercore.core import UserCore
from usercore.kernel.errors import UsercoreError
from usercore.storage import Storage
from usercore.testing.fakes import FakeClock, FakeHasher, FakeRandomness
from usercore.testing.watching import WatchedStorage

T = TypeVar("T")

LEAST_EXAMPLES = 50
"""The least number of sequences, so that rare outcomes occur."""

MOST_RERUNS = 3
"""How often all sequences are drawn anew while an outcome is missing: in one run of many, chance leaves one out."""


class StateMachine(RuleBasedStateMachine):
    """A core whose every result is predicted by a dict.

    ``outcomes`` names what must occur in a run: an outcome that never occurred is a fault of the machine.
    ``policy`` is the core's, but for the limits of registering.
    """

    outcomes: ClassVar[frozenset[str]]
    policy: ClassVar[Policy] = Policy()
    seen: ClassVar[Counter[str]]

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - the options of the base class
        super().__init_subclass__(**options)
        cls.seen = Counter()

    @abstractmethod
    def open_storage(self) -> Storage:
        """Return a new, empty storage."""

    @initialize()
    def start(self) -> None:
        """Open a core that does not limit registrations."""
        self.clock = FakeClock()
        self.watch = WatchedStorage(self.open_storage())
        generous = RegistrationPolicy(per_email_pause=timedelta(0), per_email=10**9)
        host = Host(
            clock=self.clock,
            randomness=FakeRandomness(),
            hasher=FakeHasher(self.watch),
            policy=attrs.evolve(type(self).policy, registration=generous),
        )
        self.core = UserCore.over(self.watch, self.complete(host))
        self.begin()

    def complete(self, host: Host) -> Host:
        """Return the host with what a machine needs besides the fakes, such as a mailer."""
        return host

    @abstractmethod
    def begin(self) -> None:
        """Create the initial state. One step, because Hypothesis runs initial rules in any order."""

    def teardown(self) -> None:
        """Close the core."""
        if hasattr(self, "core"):
            self.core.close()

    def saw(self, outcome: str) -> None:
        """Record that an outcome occurred."""
        self.seen[outcome] += 1

    def refuses(self, error: type[UsercoreError], call: Callable[[], object]) -> None:
        """Check that a call raises exactly this error."""
        with pytest.raises(error) as refusal:
            call()
        assert type(refusal.value) is error
        self.saw(error.__name__)


def run_machine(life: type[StateMachine], *, examples: int | None = None) -> None:
    """Run many sequences; fail if a result was not predicted or an outcome never occurred.

    A slow storage may run fewer ``examples`` than the profile's or ``LEAST_EXAMPLES``; then no outcome has to occur.

    Raises:
        AssertionError: one of both.
    """
    profile = settings.default.max_examples if settings.default else 0
    chosen = settings(max_examples=examples or max(LEAST_EXAMPLES, profile), stateful_step_count=40, deadline=None)
    expected = life.outcomes if examples is None else frozenset()
    run_state_machine_as_test(life, settings=chosen)
    anew = settings(chosen, derandomize=False)  # the sequences of a derandomized profile are the same in each run
    for _ in range(MOST_RERUNS):
        if expected <= life.seen.keys():
            break
        run_state_machine_as_test(life, settings=anew)
    assert expected <= life.seen.keys(), f"never came about: {', '.join(sorted(expected - life.seen.keys()))}"
