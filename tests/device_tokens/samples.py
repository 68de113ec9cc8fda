"""Samples of the service of device tokens."""

from typing import Final

import attrs

from tests.samples import FilledStore, Samples, unknown_secret
from tests.services.helpers import PASSWORD, sign_in
from usercore import Secret, User, UserCore
from usercore.tokens.kinds import DEVICE


@attrs.frozen
class Devices:
    """The device tokens of a device without access tokens, and of one with Ann's."""

    new: Secret
    paired: Secret


def fill(filled: FilledStore) -> Devices:
    """Issue two device tokens, and pair Ann's access token with one."""
    devices = filled.core.device_tokens
    paired = devices.issue("phone")
    devices.pair(filled.access_token, paired)
    return Devices(devices.issue("tablet"), paired)


@attrs.frozen
class DeviceName:
    """A device token."""

    secret: Secret


def name(core: UserCore, user: User) -> tuple[DeviceName, DeviceName]:
    """Pair an access token with a device."""
    device = core.device_tokens.issue("phone")
    core.device_tokens.pair(sign_in(core, user), device)
    return DeviceName(device), DeviceName(unknown_secret(DEVICE, None))


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "device_token": lambda filled: filled.of(Devices).new,
        "device_tokens.users.device_token": lambda filled: filled.of(Devices).paired,
    },
    name=name,
    calls={
        "device_tokens.pair": lambda core, names: core.device_tokens.pair(
            names.access, core.device_tokens.issue("own")
        ),
        "device_tokens.pair: device": lambda core, names: core.device_tokens.pair(
            core.sign_in.trusted(names.own).access_token, names.of(DeviceName).secret
        ),
        "device_tokens.unpair": lambda core, names: core.device_tokens.unpair(names.access),
        "device_tokens.users": lambda core, names: core.device_tokens.users(names.of(DeviceName).secret),
        "registration.register: device": lambda core, names: core.registration.register(
            f"new-{names.name}@example.com", device_token=names.of(DeviceName).secret, sign_in=True
        ),
        "sign_in.trusted: device": lambda core, names: core.sign_in.trusted(
            names.own, device_token=names.of(DeviceName).secret
        ),
        "sign_in.with_password: device": lambda core, names: core.sign_in.with_password(
            f"own-{names.name}@example.com", PASSWORD, device_token=names.of(DeviceName).secret
        ),
    },
    nameless=frozenset({"device_tokens.issue"}),
    unguessable=frozenset({"device_tokens.unpair"}),
)
