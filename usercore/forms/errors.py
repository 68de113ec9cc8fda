"""The plain data of errors, and the HTTP status that fits each class."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypedDict, overload

import attrs

from usercore.addresses.errors import (
    AddressChangedSince,
    ChangeRequestWrongState,
    NothingChanged,
    TooManyAddresses,
)
from usercore.authenticators.errors import SignInRefused
from usercore.forms.form import Audience, Json, check_audience, plain
from usercore.gates.errors import Vetoed
from usercore.kernel import errors
from usercore.kernel.errors import FieldError, StorageError, UsercoreError
from usercore.kernel.secret import Secret
from usercore.passkeys.errors import PasskeyRejected, TooManyPasskeys
from usercore.passwords.errors import PasswordRefused
from usercore.roles.errors import AdminHasNoRoles
from usercore.second_factors.errors import (
    CodeWrong,
    LastSecondFactor,
    NoFactorKey,
    NoSecondFactor,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    TooManySecondFactors,
)
from usercore.tenants.errors import BuiltIn, SystemOnly, TenantInactive
from usercore.tokens.errors import (
    AddressNotAllowed,
    DeviceTokenUnknown,
    ResourceNotGranted,
    TokenExpired,
    TokenInactive,
    TokenInvalid,
    TokenMalformed,
    TokenMissing,
    TokenNotYetValid,
    TokenRedeemed,
    TokenRevoked,
    TokenUnknown,
)
from usercore.users.errors import ExternalIdLinked, LastAdmin, TooBroad

HTTP_STATUSES: Final[Mapping[type[UsercoreError], int]] = {
    UsercoreError: 500,
    errors.Rejected: 422,
    errors.Invalid: 422,
    PasswordRefused: 422,
    PasskeyRejected: 422,
    CodeWrong: 422,
    SignInRefused: 401,
    SecondFactorRequired: 401,
    SecondFactorSetupRequired: 401,
    TokenInvalid: 401,
    TokenInactive: 401,
    TokenMalformed: 401,
    TokenMissing: 401,
    TokenExpired: 401,
    TokenNotYetValid: 401,
    TokenRedeemed: 401,
    TokenRevoked: 401,
    TokenUnknown: 401,
    DeviceTokenUnknown: 422,
    Vetoed: 403,
    BuiltIn: 403,
    errors.NotAllowed: 403,
    AddressNotAllowed: 403,
    ResourceNotGranted: 403,
    SystemOnly: 403,
    AdminHasNoRoles: 403,
    LastAdmin: 403,
    TenantInactive: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    TooManyPasskeys: 409,
    ChangeRequestWrongState: 409,
    NothingChanged: 409,
    TooManyAddresses: 409,
    AddressChangedSince: 409,
    ExternalIdLinked: 409,
    errors.WrongState: 409,
    TooBroad: 422,
    LastSecondFactor: 409,
    NoFactorKey: 409,
    NoSecondFactor: 409,
    TooManySecondFactors: 409,
    errors.RateLimited: 429,
    errors.StorageError: 500,
    errors.Corrupt: 500,
    errors.ForeignFile: 500,
    errors.NewerSchema: 500,
    errors.TargetNotEmpty: 500,
    errors.Unsupported: 500,
    errors.Indeterminate: 500,  # not 503, which invites to repeat what may be stored
    errors.Overloaded: 503,
    errors.Busy: 503,
    errors.ReadOnly: 503,
    errors.StoreMoved: 503,
    errors.Unavailable: 503,
    errors.Full: 507,
}
"""The status that fits each class of error; a class that is not listed has that of its base.

Source: RFC 9110, 15; RFC 6585, 4 (429); RFC 4918, 11.5 (507).
"""


class ErrorForm(TypedDict):
    """An error: its code, its fields and the status that fits. ``retry_after`` among the fields is whole seconds."""

    code: str
    status: int
    fields: dict[str, Any]


class OperatorErrorForm(ErrorForm):
    """An error as operators see it: with the reason that a storage gave."""

    reason: str | None


def http_status(error: UsercoreError | type[UsercoreError]) -> int:
    """Return the HTTP status that fits an error or a class of errors, also one that a host derived."""
    kind = error if isinstance(error, type) else type(error)
    return next(status for base in kind.__mro__ if (status := HTTP_STATUSES.get(base)) is not None)


@overload
def error(error: UsercoreError, audience: Literal["user"]) -> ErrorForm: ...
@overload
def error(error: UsercoreError, audience: Literal["operator"]) -> OperatorErrorForm: ...
def error(error: UsercoreError, audience: Audience) -> ErrorForm | OperatorErrorForm:
    """Return the plain data of an error for this audience. It has no sentence for end users.

    It has no secret but the challenge of a missing second factor, which is of no use without a code. Operators, who
    read errors in logs, do not see that either.

    Raises:
        ValueError: there is no such audience.
    """
    is_user = check_audience(audience) == "user"
    for_user: ErrorForm = {
        "code": error.code,
        "status": http_status(error),
        "fields": {name: _plain_field(value, is_user=is_user) for name, value in error.fields().items()},
    }
    if is_user:
        return for_user
    return {**for_user, "reason": error.reason if isinstance(error, StorageError) else None}


def _plain_field(value: object, *, is_user: bool) -> Json:
    if isinstance(value, tuple):
        return [_plain_field(part, is_user=is_user) for part in value]
    if isinstance(value, Secret):
        return value.reveal() if is_user else None
    return attrs.asdict(value) if isinstance(value, FieldError) else plain(value)
