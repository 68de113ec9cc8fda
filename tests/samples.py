"""What tests know about services: rows of a filled store, arguments that work, and what another tenant may try.

Each folder that has services has a ``samples.py`` with ``SAMPLES``. They are found by listing the folders of tests.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, TypeVar

import attrs

from usercore import Email, Secret, TokenKind, User, UserCore
from usercore.kernel.secret import digest_of, generate_secret
from usercore.storage import Unit
from usercore.testing import NOON, FakeClock, FakeRandomness, MemoryMailer
from usercore.tokens.service import issue, redeem

FAR: Final = 1_000_000
"""What is added to an id so that nothing has it."""

K = TypeVar("K")
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class FilledStore:
    """A core, its parts, and the objects in it."""

    core: UserCore
    clock: FakeClock
    mailer: MemoryMailer
    ann: User
    bob: User
    unclaimed: User
    access_token: Secret
    failed_delivery: str
    rows: dict[type, object] = attrs.field(factory=dict)

    @property
    def system(self) -> UserCore:
        """The core of the operators."""
        return self.core.tenant("system")

    def of(self, kind: type[T]) -> T:
        """Return what the ``fill`` that returns this type stored."""
        return _of(kind, self.rows)

    def mailed_to(self, to: str) -> str:
        """Deliver, and return the secret in the last link that was mailed to an address."""
        self.core.outbox.deliver()
        text = next(mail.text for mail in reversed(self.mailer.sent) if mail.to == to)
        found = re.search(r"(?:/join/|#)(\w+)", text)
        assert found is not None
        return found[1]


@attrs.frozen(kw_only=True)
class Names:
    """Identifiers, secrets and ids that a call may name: Ann's in another tenant, or those of no user."""

    id: int
    name: str
    external_id: str
    access: Secret
    public_id: str
    delivery_id: str
    others: Mapping[type, object]

    @property
    def email(self) -> str:
        """The email."""
        return f"{self.name}@example.com"

    @property
    def own(self) -> Email:
        """A reference to a user of the calling tenant, who has no data."""
        return Email(f"own-{self.name}@example.com")

    def of(self, kind: type[T]) -> T:
        """Return what the ``name`` that returns this type made."""
        return _of(kind, self.others)


def _of(kind: type[T], found: Mapping[type, object]) -> T:
    one = found[kind]
    assert isinstance(one, kind)
    return one


Sample = Callable[[FilledStore], object]


@attrs.frozen(kw_only=True)
class Samples:
    """The samples of one folder.

    ``fill`` stores rows and returns what others need of them. ``arguments`` has values for parameters, by their name,
    or by service, method and name where one method needs another value.

    ``name`` stores rows of a user in another tenant, and returns their names and like ones of no user. ``calls`` has,
    by service and method, what a tenant may try with such names; an addition after a colon tells cases apart. Methods
    with the parameter ``ref`` are tried without a case. ``nameless`` are methods that name no data of a tenant.
    ``unguessable`` are calls whose steps may differ: what they name cannot be guessed. ``kept_by_undo`` has the
    entities whose rows the undo of an email change does not end, with the reasons.
    """

    fill: Callable[[FilledStore], object] = lambda _: None
    arguments: Mapping[str, Sample] = attrs.field(factory=dict)
    name: Callable[[UserCore, User], tuple[object, object]] = lambda _, __: (None, None)
    calls: Mapping[str, Callable[[UserCore, Names], object]] = attrs.field(factory=dict)
    nameless: frozenset[str] = frozenset()
    unguessable: frozenset[str] = frozenset()
    kept_by_undo: Mapping[type, str] = attrs.field(factory=dict)


@cache
def collect() -> tuple[Samples, ...]:
    """Return the samples of all folders, in the order of their names."""
    files = sorted(Path(__file__).parent.glob("*/samples.py"))
    return tuple(import_module(f"tests.{file.parent.name}.samples").SAMPLES for file in files)


def joined(parts: Iterable[Mapping[K, T]]) -> dict[K, T]:
    """Return all items of several mappings.

    Raises:
        AssertionError: two folders have a sample of one name.
    """
    found: dict[K, T] = {}
    for part in parts:
        assert not found.keys() & part.keys(), f"samples.py: two folders have {found.keys() & part.keys()}"
        found |= part
    return found


def same(value: object) -> Sample:
    """Return a sample that is the same in every store."""
    return lambda _: value


def unknown_secret(kind: str, user: User | None) -> Secret:
    """Return a well-formed secret that was never issued, of a user that does not exist, or of a kind without users."""
    return generate_secret(kind, None if user is None else user.id + FAR, FakeRandomness("unknown"))


def link_of(core: UserCore, user: User, kind: TokenKind) -> Secret:
    """Issue the secret of a link, and leave older ones valid."""

    def mint(unit: Unit) -> Secret:
        unit.lock(user.id)
        return issue(
            unit,
            kind,
            user.id,
            at=NOON,
            lifetime=timedelta(days=400),
            randomness=core._service.randomness,
            address=user.email,
            generation=1,
        )

    return core._service.units.write(mint)


def redeemed(core: UserCore, user: User, secret: Secret) -> Secret:
    """Redeem a limited-use token, and return its secret."""

    def work(unit: Unit) -> None:
        unit.lock(user.id)
        redeem(unit, user.id, digest_of(secret), at=core._runtime.clock())

    core._service.units.write(work)
    return secret
