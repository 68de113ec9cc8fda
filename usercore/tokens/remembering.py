"""Steps of use-cases that involve remembered devices, on which a user is asked for no second factor. Source: spec F7.

The user's lock guards them: a sign-in reads them after it, and what forgets them holds it.
"""

from datetime import datetime, timedelta
from typing import Final

from usercore.kernel.changes import Change
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.tokens.changes import DEVICE_FORGOTTEN, DEVICE_REMEMBERED
from usercore.tokens.model import DeviceToken, ForgottenDevice, RememberedDevice, public_id_of_device
from usercore.tokens.ports import TokensUnit
from usercore.tokens.rules import is_remembered

UNPAIRED: Final = "device_token.unpaired"
"""Why a device is forgotten that an access token of the user was unpaired from, also by another user's pairing."""


def remember_device(unit: TokensUnit, user_id: UserId, device: DeviceToken, *, at: datetime) -> None:
    """Remember a device of a locked user. The unit has locked the device token, so its users are known."""
    remembered = RememberedDevice(user_id=user_id, device_digest=device.digest, remembered_at=at)
    unit.remembered_devices.put(remembered)
    unit.record(Change(kind=DEVICE_REMEMBERED, subject_id=user_id, new=remembered))


def has_remembered(
    unit: TokensUnit, user_id: UserId, device: DeviceToken, *, now: datetime, lifetime: timedelta
) -> bool:
    """Return whether a device of a locked user is remembered. One look-up."""
    return is_remembered(unit.remembered_devices.get(user_id, device.digest), now=now, lifetime=lifetime)


def forget_device(unit: TokensUnit, user_id: UserId, device: Digest, *, reason: str) -> None:
    """Forget a device of a locked user, if it is remembered, and record it."""
    if unit.remembered_devices.remove(user_id, device):
        _record(unit, user_id, device, reason)


def forget_all_devices(unit: TokensUnit, user_id: UserId, *, reason: str) -> int:
    """Forget all devices of a locked user, record each, and return their number."""
    forgotten = unit.remembered_devices.remove_all(user_id)
    for row in forgotten:
        _record(unit, user_id, row.device_digest, reason)
    return len(forgotten)


def _record(unit: TokensUnit, user_id: UserId, device: Digest, reason: str) -> None:
    forgotten = ForgottenDevice(device=public_id_of_device(device), reason=reason)
    unit.record(Change(kind=DEVICE_FORGOTTEN, subject_id=user_id, new=forgotten))
