"""Stored credentials, and the policies with every setting of passwords."""

from base64 import b64decode
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs
from attrs.validators import optional

from usercore.kernel.bounds import Between, InstanceOf, OneLine, each, part, span, whole
from usercore.kernel.changes import ChangeKind, Subject
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.secret import Secret, SecretBytes, secret_bytes_of
from usercore.kernel.text import check_type
from usercore.kernel.values import frozen


class PasswordChange(StrEnum):
    """Why a password was replaced. Source: spec P6; ``generated`` is the first password, generated for a new user."""

    CHANGE = "change"
    RESET = "reset"
    SUSPICIOUS = "suspicious"
    IMPORT = "import"
    REGISTRATION = "registration"
    GENERATED = "generated"


@entity
class Credential:
    """A user's password. ``version`` counts the user's passwords; deliveries with an older version are stale.

    A temporary password is not accepted from ``expires_at`` on, and a void one never. Rehashing the same password does
    not change ``set_at``.
    """

    user_id: UserId
    hash: str = attrs.field(repr=False)
    pepper_id: str | None = None
    version: int
    set_at: datetime
    reason: PasswordChange
    must_change: bool = False
    expires_at: datetime | None = None

    @property
    def is_void(self) -> bool:
        """Whether there is no password any more: it was voided, and its hash deleted."""
        return not self.hash


OWN_PREFIX: Final = "$argon2id$"
"""How the hashes begin that usercore computes. Source: the PHC string format."""

LANE_KIB: Final = 8
"""The least memory of an argon2 lane in KiB. Source: RFC 9106, 3.1."""

_LEAST_KEY: Final = 16
"""The least number of bytes of a pepper. Source: NIST SP 800-63B-4, 3.1.1.2: at least 112 bits."""


@frozen(kw_only=True)
class HashProfile:
    """The cost of an argon2id hash. ``source`` names the recommendation. Source of the ranges: RFC 9106, 3.1."""

    name: str = attrs.field(validator=OneLine())
    memory_kib: int = attrs.field(validator=Between(int, LANE_KIB, 2**32 - 1, "KiB"))
    passes: int = attrs.field(validator=Between(int, 1, 2**32 - 1, "passes"))
    lanes: int = attrs.field(validator=Between(int, 1, 2**24 - 1, "lanes"))
    source: str = attrs.field(validator=OneLine())

    def __attrs_post_init__(self) -> None:
        """Check that the numbers are consistent.

        Raises:
            ValueError: each lane has less than 8 KiB.
        """
        if self.memory_kib < LANE_KIB * self.lanes:
            msg = f"HashProfile.memory_kib must be {LANE_KIB} for each of HashProfile.lanes, or more"
            raise ValueError(msg)


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
    """A key that every hash depends on and that is not in the database; 16 bytes or more, with an id for rotation."""

    id: str = attrs.field(validator=OneLine())
    key: SecretBytes = attrs.field(converter=secret_bytes_of, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the key.

        Raises:
            ValueError: it is too short.
        """
        if len(self.key.reveal()) < _LEAST_KEY:
            msg = f"Pepper.key must have {_LEAST_KEY} bytes or more"
            raise ValueError(msg)


def _signer_key_of(key: SecretBytes | str) -> SecretBytes:
    return key if isinstance(key, SecretBytes) else SecretBytes(_decoded(key, "FirebaseKey.signer_key"))


def _separator_of(separator: bytes | str) -> bytes:
    return separator if isinstance(separator, bytes) else _decoded(separator, "FirebaseKey.salt_separator")


def _decoded(text: str, name: str) -> bytes:
    try:
        return b64decode(check_type(text, str, name=name), validate=True)
    except ValueError:
        msg = f"{name} must be Base64, as Firebase shows it"
        raise ValueError(msg) from None


@frozen(kw_only=True)
class FirebaseKey:
    """The two parameters of a Firebase project that its hashes do not contain, in Base64, as its console shows them."""

    signer_key: SecretBytes = attrs.field(converter=_signer_key_of, repr=False)
    salt_separator: bytes = attrs.field(converter=_separator_of, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the key.

        Raises:
            ValueError: it is too short.
        """
        if len(self.signer_key.reveal()) < _LEAST_KEY:
            msg = f"FirebaseKey.signer_key must have {_LEAST_KEY} bytes or more"
            raise ValueError(msg)


@frozen(kw_only=True)
class ImportedHashes:
    """Which hashes of other systems are verified, and the most that one may demand.

    Argon2 and scrypt have the bounds of ``PasswordPolicy``: ``max_memory_kib``, ``max_passes`` and ``max_lanes``.
    """

    max_bcrypt_cost: int = whole(14, least=4, most=31, unit="as the exponent of 2")
    """Source: usercore: a second on a core of 2026. Auth0 and WordPress have 10, Devise, Django and PHP 12."""

    max_pbkdf2_iterations: int = whole(2_000_000, least=1, most=2**32 - 1, unit="iterations")
    """Source: OWASP Password Storage Cheat Sheet: 1,300,000 with SHA-1; Django 6.0 has 1,200,000 with SHA-256."""

    max_sha_crypt_rounds: int = whole(1_000_000, least=1000, most=999_999_999, unit="rounds")
    """Source: passlib's default is 656,000; the specification of SHA-crypt has 5,000."""

    max_phpass_cost: int = whole(19, least=7, most=30, unit="as the exponent of 2")
    """Source: passlib's default; WordPress has 13, phpBB 11."""

    digests: bool = attrs.field(default=False, validator=InstanceOf(bool))
    """Whether salted MD5, SHA-1 and SHA-2 digests are verified; they are cheap to guess. Source: spec P8."""

    firebase_key: FirebaseKey | None = attrs.field(default=None, validator=optional(InstanceOf(FirebaseKey)))
    """Of the project that ``$firescrypt$`` hashes come from."""

    devise_pepper: Secret | None = attrs.field(default=None, validator=optional(InstanceOf(Secret)))
    """``Devise.pepper`` of the application that ``$devise$`` hashes come from."""


@frozen(kw_only=True)
class PasswordPolicy:
    """Which passwords are accepted, and how they are hashed."""

    min_characters: int = whole(15, least=8, most=64, unit="characters")
    """Source: NIST SP 800-63B-4, 3.1.1.2, for passwords that are the only factor; 8 with a second factor."""

    min_characters_with_second_factor: int = whole(8, least=8, most=64, unit="characters")
    """Where the policy demands a second factor of all users: roles are taken and factors removed, but passwords stay.
    Source: spec P2; NIST SP 800-63B-4, 3.1.1.2."""

    max_bytes: int = whole(1024, least=64, most=65_536, unit="bytes")
    """Source: spec P2; NIST asks for at least 64 characters."""

    min_guesses: int = whole(10**8, least=0, most=10**30, unit="guesses")
    """A password that takes fewer guesses counts as common. Source: zxcvbn's boundary between its scores 2 and 3."""

    generated_characters: int = whole(20, least=11, most=64, unit="characters")
    """Length of a generated password: 119 bits in alphanumeric characters. Source: NIST requires 64 bits."""

    generated_lifetime: timedelta = span(timedelta(days=14), least=timedelta(seconds=1))
    """How long a generated password is accepted. Source: spec R6."""

    profile: HashProfile = part(OWASP)
    max_memory_kib: int = whole(262_144, least=8, most=2**32 - 1, unit="KiB")
    max_passes: int = whole(10, least=1, most=2**32 - 1, unit="passes")
    max_lanes: int = whole(16, least=1, most=2**24 - 1, unit="lanes")
    """The most that a stored hash may demand; one that needs more is unusable. Source: spec P1: 256 MiB and 10 passes.

    ``RFC_9106_HIGH`` demands 2 GiB, so a policy with that profile also raises ``max_memory_kib``.
    """

    imported_hashes: ImportedHashes = part(ImportedHashes())

    peppers: tuple[Pepper, ...] = each((), Pepper)
    """New hashes use the first; the others are for verifying old hashes only."""

    hashes_at_once: int = whole(2, least=1, most=1024, unit="hashes")
    """Each takes the profile's memory and a core. Source: cores of the smallest machine that is tested."""

    max_waiting: int = whole(16, least=0, most=1_000_000, unit="callers")
    """Callers that wait for a hash slot; further ones are refused as ``Overloaded`` at once. Source: spec P4."""

    max_wait: timedelta = span(timedelta(seconds=10), least=timedelta(0), most=timedelta(hours=1))
    """How long a caller waits for a hash slot before ``Overloaded``."""

    def __attrs_post_init__(self) -> None:
        """Check that the values are consistent.

        Raises:
            ValueError: two peppers have one id, or a hash of the profile would demand more than the policy allows.
        """
        if len({pepper.id for pepper in self.peppers}) < len(self.peppers):
            msg = "PasswordPolicy.peppers must have ids of their own"
            raise ValueError(msg)
        profile = self.profile
        if (
            profile.memory_kib > self.max_memory_kib
            or profile.passes > self.max_passes
            or profile.lanes > self.max_lanes
        ):
            msg = "PasswordPolicy.profile must not demand more than max_memory_kib, max_passes and max_lanes allow"
            raise ValueError(msg)


@frozen(kw_only=True)
class ResetPolicy:
    """How often a link that resets a password may be requested. A window of zero disables its limit."""

    per_account: int = whole(5, least=1, most=10**9, unit="requests")
    per_account_window: timedelta = span(timedelta(hours=1), least=timedelta(0))
    """Each request mails a link, so that requests by others must not fill a mailbox. Source: OWASP Forgot Password."""

    per_ip: int = whole(20, least=1, most=10**9, unit="requests")
    per_ip_window: timedelta = span(timedelta(hours=1), least=timedelta(0))
    """Source: spec R1, which has the same limit for registrations."""


@entity
class ResetRequest:
    """A request to reset a password: the address that the user had then, to which the link is to be mailed."""

    email: str | None


@entity
class ReplacedPassword:
    """Why a password was replaced, and the address of the user then, which is notified."""

    reason: PasswordChange
    email: str | None


@entity
class Suspicion:
    """That an account is suspicious, and whether its password was voided, so that another one is to be mailed."""

    with_password: bool


SET: Final = ChangeKind("password.set", ("reason", "must_change", "expires_at", "set_at"), public=True)
"""The password was replaced. History does not contain the hash. Source: spec P6."""

RESET_REQUESTED: Final = ChangeKind("password.reset_requested", ("email",), frozenset({"email"}), public=True)
"""A link that resets the password was requested. It is mailed if the user may have it."""

RESET_OF_UNKNOWN: Final = ChangeKind("password.reset_of_unknown", subject=Subject.UNKNOWN_LOGIN)
"""A link was requested for a login that no user has. It stores as many rows as the request for a user. Source: S4."""

REPLACED: Final = ChangeKind("password.replaced", ("reason", "email"), frozenset({"email"}), public=True)
"""A password was changed, reset or set by an operator; the user is notified."""

SUSPECTED: Final = ChangeKind("password.suspected", ("with_password",), public=True)
"""An operator marked the account as suspicious; the user is notified, with a new password if there was one."""

KINDS: Final = (SET, RESET_REQUESTED, RESET_OF_UNKNOWN, REPLACED, SUSPECTED)

ROWS: Final = (
    Rows(
        entity=Credential,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="password",
        secret="hash pepper_id",  # noqa: S106 - names of columns
        plain="user_id version set_at reason must_change expires_at",
    ),
)
