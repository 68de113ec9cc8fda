"""Second factors: the policy, what is stored of factors, codes and challenges, and the changes that are recorded."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from usercore.kernel.bounds import InstanceOf, OneLine, each, span, whole
from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows
from usercore.kernel.secret import Digest, Secret, SecretBytes, secret_bytes_of
from usercore.kernel.values import frozen

NAME_LIMIT: Final = 100
"""Characters of a factor's name, which its user chooses. Source: usercore."""

REASON_LIMIT: Final = 1000
"""Characters of the reason of a removal. Source: usercore."""

KEY_BYTES: Final = 32
"""Bytes of a key. Source: FIPS 197: AES-256."""

CHALLENGE: Final = "ucf"
"""The prefix of challenges."""


class RequiredFor(StrEnum):
    """The users of whom the policy demands a second factor. Source: spec F7."""

    NONE = "none"
    PRIVILEGED = "privileged"
    ALL = "all"


@frozen(kw_only=True)
class FactorKey:
    """A key that encrypts the secrets of factors and is not in the database: 32 bytes, with an id for rotation."""

    id: str = attrs.field(validator=OneLine())
    key: SecretBytes = attrs.field(converter=secret_bytes_of, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the key.

        Raises:
            ValueError: it has another length.
        """
        if len(self.key.reveal()) != KEY_BYTES:
            msg = f"FactorKey.key must have {KEY_BYTES} bytes"
            raise ValueError(msg)


@frozen(kw_only=True)
class SecondFactorPolicy:
    """Who needs a second factor, and how codes and challenges are checked."""

    required_for: RequiredFor = attrs.field(default=RequiredFor.NONE, validator=InstanceOf(RequiredFor))
    """Users who have a factor always need it; these users also need to have one. Source: spec F7."""

    required_in: frozenset[str] = each(frozenset(), str)
    """Keys of tenants, in any case, all of whose users need to have one, too. Source: spec F1."""

    keys: tuple[FactorKey, ...] = each((), FactorKey)
    """Secrets are encrypted by the first; the others decrypt older ones, which the next code encrypts anew."""

    challenge_lifetime: timedelta = span(timedelta(minutes=10), least=timedelta(seconds=1), most=timedelta(days=1))
    """How long after the first factor the second one is accepted. Source: spec F2."""

    enrollment_lifetime: timedelta = span(timedelta(hours=1), least=timedelta(minutes=1), most=timedelta(days=7))
    """How long after its beginning an enrollment can be confirmed. Source: usercore."""

    window: int = whole(1, least=0, most=5, unit="steps")
    """Steps of 30 seconds before and after the present one whose codes are accepted. Source: RFC 6238, 5.2."""

    max_factors: int = whole(10, least=1, most=100, unit="factors")
    """Factors of one user. Source: usercore."""

    remember_device_for: timedelta = span(timedelta(0), least=timedelta(0), most=timedelta(days=30))
    """How long a user is asked for no second factor on a device that they chose to have remembered; zero: never
    remembered. Source: spec F7."""

    recovery_codes: int = whole(10, least=1, most=100, unit="codes")
    """Recovery codes of one user. Source: spec F4."""

    def __attrs_post_init__(self) -> None:
        """Check that the values are consistent.

        Raises:
            ValueError: two keys have one id, or a factor is demanded that cannot be enrolled without a key.
        """
        if len({key.id for key in self.keys}) < len(self.keys):
            msg = "SecondFactorPolicy.keys must have ids of their own"
            raise ValueError(msg)
        if (self.required_for is not RequiredFor.NONE or self.required_in) and not self.keys:
            msg = "SecondFactorPolicy demands second factors, so SecondFactorPolicy.keys must have a key"
            raise ValueError(msg)


@entity
class StoredFactor:
    """A TOTP factor as it is stored: its secret is encrypted by the key ``key_id``.

    It counts from ``confirmed_at`` on. ``last_step`` is the time step of the last code that was accepted.
    """

    user_id: UserId
    id: int
    name: str
    key_id: str
    encrypted: bytes = attrs.field(repr=False)
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    last_used_at: datetime | None = None


@entity
class SecondFactor:
    """A factor that was confirmed, without its secret. ``last_used_at`` is None until it signed its user in."""

    id: int
    name: str
    confirmed_at: datetime
    last_used_at: datetime | None = None


@entity
class TotpEnrollment:
    """What an authenticator app needs, once: the secret in base 32, and the URI that a QR code shows."""

    factor_id: int
    secret: Secret
    uri: Secret
    expires_at: datetime


@entity
class RecoveryCode:
    """A recovery code as it is stored: its digest, and when it was used."""

    user_id: UserId
    digest: Digest = attrs.field(repr=False)
    created_at: datetime
    used_at: datetime | None = None


@entity
class SignInChallenge:
    """A sign-in that lacks its second factor. It ends with the password, and with the version, that the user has.

    ``status`` is the outcome of the first factor, and ``device_digest`` that of the device token shown with it. The
    failures under ``counter_key`` up to ``counter_tries`` are forgotten when the sign-in is complete.
    """

    id: int
    tenant_id: TenantId
    digest: Digest = attrs.field(repr=False)
    user_id: UserId
    user_version: int
    authenticator: str
    allows_privileged: bool
    status: str
    source: str | None = None
    device_digest: Digest | None = attrs.field(default=None, repr=False)
    password_version: int = 0
    password_set_at: datetime | None = None
    counter_key: bytes | None = attrs.field(default=None, repr=False)
    counter_tries: int = 0
    issued_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None = None


@entity
class FactorRemoval:
    """A removed factor, as history stores it. ``reason`` is an operator's."""

    factor_id: int
    name: str
    reason: str | None = None


@entity
class FactorAddition:
    """A begun or confirmed factor, as history stores it."""

    factor_id: int
    name: str


@entity
class RecoveryCodesLeft:
    """How many recovery codes a user has, as history stores it."""

    left: int


_NAMED: Final = ("factor_id", "name")
_PERSONAL: Final = frozenset({"name"})
_ALWAYS: Final = frozenset({"factor_id"})

BEGUN: Final = ChangeKind("second_factor.begun", _NAMED, _PERSONAL, always=_ALWAYS)
ADDED: Final = ChangeKind("second_factor.added", _NAMED, _PERSONAL, public=True, always=_ALWAYS)
REMOVED: Final = ChangeKind(
    "second_factor.removed",
    (*_NAMED, "reason"),
    _PERSONAL | {"reason"},
    public=True,
    always=_ALWAYS,
    operator_only=frozenset({"reason"}),
)
RECOVERY_CODES_MADE: Final = ChangeKind("recovery_codes.made", ("left",), public=True, always=frozenset({"left"}))
RECOVERY_CODE_USED: Final = ChangeKind("recovery_code.used", ("left",), public=True, always=frozenset({"left"}))

KINDS: Final = (BEGUN, ADDED, REMOVED, RECOVERY_CODES_MADE, RECOVERY_CODE_USED)

ROWS: Final = (
    Rows(
        entity=StoredFactor,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="second_factors",
        personal="name",
        secret="key_id encrypted last_step",  # noqa: S106 - names of columns
        plain="user_id id created_at confirmed_at last_used_at",
    ),
    Rows(
        entity=RecoveryCode,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="recovery_codes",
        secret="digest",  # noqa: S106 - as above
        plain="user_id created_at used_at",
    ),
    Rows(
        entity=SignInChallenge,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="sign_in_challenges",
        secret="digest device_digest counter_key",  # noqa: S106 - as above
        plain="id tenant_id user_id user_version authenticator allows_privileged status source password_version"
        " password_set_at counter_tries issued_at expires_at redeemed_at",
    ),
)
