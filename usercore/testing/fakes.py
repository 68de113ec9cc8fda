"""Fakes of what a core needs, for tests to control: clock, randomness, mailer, hasher and gates.

They refuse what the real ones must never see: a hash, an email or a gate's call while a unit is open in their thread.
For that they need the ``WatchedStorage`` that the core uses.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from usercore.kernel.errors import Overloaded
from usercore.mail.model import Mail
from usercore.mail.ports import Mailer
from usercore.passwords.model import Credential
from usercore.passwords.ports import Hasher
from usercore.testing.watching import WatchedStorage

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""The initial instant of a ``FakeClock``."""

TICK: Final = timedelta(microseconds=1)
"""The smallest difference of time that storages store."""


class FakeClock:
    """A clock that stops at ``now`` until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the present instant."""
        return self.now

    def tick(self) -> datetime:
        """Advance by a microsecond and return the present instant."""
        return self.advance(TICK)

    def advance(self, span: timedelta) -> datetime:
        """Advance by ``span`` and return the present instant."""
        self.now += span
        return self.now


class FakeRandomness:
    """Random bytes that are the same in each run with the same seed. Safe to share between threads."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._counter = itertools.count()

    def __call__(self, count: int) -> bytes:
        """Return that many bytes."""
        blocks = bytearray()
        while len(blocks) < count:
            blocks += sha256(f"{self._seed}/{next(self._counter)}".encode()).digest()
        return bytes(blocks[:count])


def check_closed(watch: WatchedStorage | None, what: str) -> None:
    """Check that no unit is open in the present thread.

    Raises:
        AssertionError: one is open.
    """
    if watch is not None and watch.is_open():
        msg = f"{what} while a unit was open"
        raise AssertionError(msg)


class MemoryMailer(Mailer):
    """Stores the emails that were sent, in ``sent``."""

    def __init__(self, watch: WatchedStorage | None = None) -> None:
        self.sent: list[Mail] = []
        self._watch = watch
        self._failures: list[Exception] = []

    def fail_next(self, count: int = 1, error: Exception | None = None) -> None:
        """Make the next ``count`` emails fail with ``error``, or an ``OSError``."""
        self._failures += [error or OSError("the mail server is away")] * count

    def send(self, mail: Mail) -> None:
        check_closed(self._watch, "a mail was sent")
        if self._failures:
            raise self._failures.pop()
        self.sent.append(mail)


class FakeHasher(Hasher):
    """Hashes without delay, in a recognisable form: ``fake$<salt>$<SHA-256>``.

    ``hashes`` counts those computed, ``places`` the slots acquired. With another ``profile`` older hashes are not
    current. While ``is_overloaded`` no slot is free.
    """

    def __init__(self, watch: WatchedStorage | None = None) -> None:
        self.hashes = 0
        self.places = 0
        self.profile = "fake"
        self.is_overloaded = False
        self._watch = watch
        self._salts = itertools.count(1)

    @contextmanager
    def hold_slot(self) -> Iterator[None]:
        check_closed(self._watch, "a place for a hash was taken")
        if self.is_overloaded:
            raise Overloaded
        self.places += 1
        yield

    def hash(self, password: str) -> tuple[str, str | None]:
        return self._compute(self.profile, str(next(self._salts)), password), None

    def verify(self, credential: Credential | None, password: str | None) -> bool:
        kept = self.profile + "$0$" if credential is None else credential.hash
        profile, salt, _ = kept.split("$", 2)
        return self._compute(profile, salt, password or "") == kept and password is not None

    def is_current(self, credential: Credential) -> bool:
        return credential.hash.startswith(f"{self.profile}$")

    def is_usable(self, credential: Credential) -> bool:
        return self.problem_of(credential.hash) is None

    def problem_of(self, text: str) -> str | None:
        return None if text.count("$") == 2 else "malformed"

    def _compute(self, profile: str, salt: str, password: str) -> str:
        check_closed(self._watch, "a password was hashed")
        self.hashes += 1
        digest = sha256(f"{salt}${password}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"{profile}${salt}${digest}"


class FakeGate:
    """A gate that records its arguments in ``asked`` and raises ``refusal`` if it is set."""

    def __init__(self, watch: WatchedStorage | None = None, *, refusal: Exception | None = None) -> None:
        self.asked: list[object] = []
        self.refusal = refusal
        self._watch = watch

    def __call__(self, asked: object) -> None:
        """Record the argument.

        Raises:
            Exception: the ``refusal``.
        """
        check_closed(self._watch, "a gate was asked")
        self.asked.append(asked)
        if self.refusal is not None:
            raise self.refusal
