"""Steps of use-cases that involve devices: checking and locking a device token, and pairing access tokens with it.

A device belongs to one registered user at a time. Pairings of one device are made one after another, because each locks
the row of the device token first; then it locks the users whose tokens it unpairs, and its own, lower id first.
"""

from contextlib import suppress
from datetime import datetime

from usercore.kernel.changes import Change
from usercore.kernel.entity import entity
from usercore.kernel.errors import UserNotFound
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, Secret, read_secret_without_holder
from usercore.tokens.changes import DEVICE_PAIRED, DEVICE_UNPAIRED
from usercore.tokens.errors import DeviceTokenUnknown, TokenRevoked
from usercore.tokens.kinds import DEVICE
from usercore.tokens.model import AccessToken, DeviceToken, UnpairedTokens, public_id_of_device
from usercore.tokens.ports import TokensUnit
from usercore.tokens.remembering import UNPAIRED, forget_device


@entity
class LockedDevice:
    """A device token that the unit has locked, and the other users who have it, locked, too.

    They have access tokens that are paired with it, or it is remembered for them.
    """

    token: DeviceToken
    others: tuple[UserId, ...]
    at: datetime


def get_device(unit: TokensUnit, secret: Secret | str) -> DeviceToken:
    """Return the device token with this secret.

    Raises:
        DeviceTokenUnknown: there is none in the unit's tenant.
    """
    digest = read_secret_without_holder(secret, DEVICE)
    device = None if digest is None else unit.device_tokens.get(digest)
    if device is None:
        raise DeviceTokenUnknown
    return device


def lock_device(
    unit: TokensUnit, secret: Secret | str, user_id: UserId | None, *, at: datetime, also: UserId | None = None
) -> LockedDevice:
    """Lock a device token, the other users who have it, and these users, if there are any.

    It comes before every other lock of the unit but that of the tenant or of a registration request.

    Raises:
        DeviceTokenUnknown: there is none in the unit's tenant.
    """
    digest = read_secret_without_holder(secret, DEVICE)
    token = None if digest is None else unit.device_tokens.lock(digest, at=at)
    if token is None:
        raise DeviceTokenUnknown
    wanted = {
        *unit.access_tokens.users_of_device(token.digest),
        *unit.remembered_devices.users_of_device(token.digest),
    }
    own = {one for one in (user_id, also) if one is not None}
    locked = [one for one in sorted(wanted | own) if _lock(unit, one)]
    return LockedDevice(token=token, others=tuple(one for one in locked if one not in own), at=at)


def _lock(unit: TokensUnit, user_id: UserId) -> bool:
    """Lock a user; return False if there is none, or it was erased meanwhile."""
    with suppress(UserNotFound):
        unit.lock(user_id)
        return True
    return False


def pair(unit: TokensUnit, token: AccessToken, device: LockedDevice) -> AccessToken:
    """Pair an access token of a locked user with a device, and unpair those of other users. Source: spec K5.

    All other users are registered: unclaimed ones have no access tokens. The device is remembered for them no longer.

    Raises:
        TokenRevoked: the access token was revoked since it was read.
    """
    digest = device.token.digest
    for user_id in device.others:
        count = unit.access_tokens.unpair_device(user_id, digest)
        record_unpaired(unit, user_id, digest, count)
    if token.device_digest == digest:
        return token
    paired = unit.access_tokens.pair(token.user_id, token.digest, digest, at=device.at)
    if paired is None:
        raise TokenRevoked
    if token.device_digest is not None:
        forget_device(unit, token.user_id, token.device_digest, reason=UNPAIRED)
    unit.record(Change(kind=DEVICE_PAIRED, subject_id=token.user_id, old=token, new=paired))
    return paired


def record_unpaired(unit: TokensUnit, user_id: UserId, device: Digest, count: int) -> None:
    """Record how many access tokens of a locked user were unpaired from a device, if any were, and forget it."""
    forget_device(unit, user_id, device, reason=UNPAIRED)
    if count:
        unpaired = UnpairedTokens(device=public_id_of_device(device), tokens=count)
        unit.record(Change(kind=DEVICE_UNPAIRED, subject_id=user_id, new=unpaired))
