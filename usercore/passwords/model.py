"""What is kept of a password, and the policies that every number comes from."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.values import frozen


class PasswordChange(StrEnum):
    """Why a password became another. Source: spec P6; ``generated`` is the first one, drawn for a new user."""

    CHANGE = "change"
    RESET = "reset"
    SUSPICIOUS = "suspicious"
    IMPORT = "import"
    REGISTRATION = "registration"
    GENERATED = "drawn"


@entity
class Credential:
    """A user's password. ``version`` counts the passwords the user has had; it makes older deliveries stale.

    A temporary one opens nothing from ``expires_at`` on. ``rehashed`` hashes keep ``set_at``: it is the same password.
    """

    user_id: UserId
    hash: str = attrs.field(repr=False)
    pepper_id: str | None = None
    version: int
    set_at: datetime
    reason: PasswordChange
    must_change: bool = False
    expires_at: datetime | None = None


@frozen(kw_only=True)
class HashProfile:
    """How much an argon2id hash costs. ``source`` says who recommends it."""

    name: str
    memory_kib: int
    passes: int
    lanes: int
    source: str


OWASP: Final = HashProfile(
    name="owasp", memory_kib=19_456, passes=2, lanes=1, source="OWASP Password Storage Cheat Sheet: 19 MiB, t=2, p=1"
)
RFC_9106_LOW: Final = HashProfile(
    name="rfc9106_low", memory_kib=65_536, passes=3, lanes=4, source="RFC 9106, 4: second recommended option"
)
RFC_9106_HIGH: Final = HashProfile(
    name="rfc9106_high", memory_kib=2_097_152, passes=1, lanes=4, source="RFC 9106, 4: first recommended option"
)


@frozen(kw_only=True)
class Pepper:
    """A key that every hash needs and that no database has; 16 bytes or more, named so that it can be rotated."""

    id: str
    key: bytes = attrs.field(repr=False)


@frozen(kw_only=True)
class PasswordPolicy:
    """What a password must be, and how it is hashed."""

    least_characters: int = 15
    """Source: NIST SP 800-63B-4, 3.1.1.2, for passwords that are the only factor; 8 beside a second factor."""

    most_bytes: int = 1024
    """Source: spec P2; NIST asks for at least 64 characters."""

    least_guesses: int = 10**8
    """Fewer and it counts as common. Source: zxcvbn's boundary between its scores 2 and 3."""

    generated_characters: int = 20
    """Length of a drawn password: 119 bits of letters and digits. Source: NIST asks for 64 bits of drawn secrets."""

    generated_lifetime: timedelta = timedelta(days=14)
    """How long a drawn password opens anything. Source: spec R6."""

    profile: HashProfile = OWASP
    most_memory_kib: int = 2_097_152
    most_passes: int = 16
    most_lanes: int = 16
    """What a stored hash may demand; above, it is not computed. Source: RFC 9106's largest recommendation."""

    peppers: tuple[Pepper, ...] = ()
    """The first is used for new hashes, the others only to verify old ones."""

    hashes_at_once: int = 2
    """Each takes the profile's memory and a core. Source: cores of the smallest machine that is tested."""

    most_waiting: int = 64
    """Callers that wait for a place; more are refused as ``Overloaded``."""

    longest_wait: timedelta = timedelta(seconds=10)
    """How long a caller waits for a place before ``Overloaded``."""


SET: Final = ChangeKind("password.set", ("reason", "must_change", "expires_at", "set_at"), public=True)
"""There is another password. The hash is not kept in history. Source: spec P6."""

KINDS: Final = (SET,)
