"""Samples of the service of passkeys."""

from typing import Any, Final

import attrs

from tests.samples import FilledStore, Samples
from usercore import Passkey, Secret, User, UserCore
from usercore.testing import FakeRandomness
from usercore.testing.passkeys import SoftwareAuthenticator


@attrs.frozen(kw_only=True)
class Passkeys:
    """A passkey, a registration and a sign-in that are begun: the secret, and the answer of the device."""

    passkey: Passkey
    attestation: tuple[Secret, dict[str, Any]]
    assertion: tuple[Secret, dict[str, Any]]


def fill(filled: FilledStore) -> Passkeys:
    """Register two passkeys, and begin a registration and a sign-in by one of them."""
    core, user = filled.core, filled.ann
    _add_passkey(core, user, "kept")
    device, passkey = _add_passkey(core, user, "removed")
    registering, signing_in = core.passkeys.begin_registration(user.id), core.passkeys.begin_sign_in()
    another = SoftwareAuthenticator(randomness=FakeRandomness("another"))
    return Passkeys(
        passkey=passkey,
        attestation=(registering.secret, another.create(registering.options)),
        assertion=(signing_in.secret, device.get(signing_in.options)),
    )


def _add_passkey(core: UserCore, user: User, seed: str) -> tuple[SoftwareAuthenticator, Passkey]:
    """Register a passkey on a device of its own."""
    device, begun = SoftwareAuthenticator(randomness=FakeRandomness(seed)), core.passkeys.begin_registration(user.id)
    return device, core.passkeys.finish_registration(user.id, begun.secret, device.create(begun.options))


def name(core: UserCore, user: User) -> tuple[SoftwareAuthenticator, SoftwareAuthenticator]:
    """Register a passkey; the other device has one that was registered nowhere."""
    device, _ = _add_passkey(core, user, "theirs")
    (key,) = device.keys
    return device, SoftwareAuthenticator(keys=[attrs.evolve(key, credential_id=bytes(32))])


def _finish_sign_in(core: UserCore, device: SoftwareAuthenticator) -> object:
    """Sign in by the device, with a challenge of this tenant."""
    begun = core.passkeys.begin_sign_in()
    return core.passkeys.finish_sign_in(begun.secret, device.get(begun.options))


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "passkey_id": lambda filled: filled.of(Passkeys).passkey.id,
        "passkeys.finish_registration.response": lambda filled: filled.of(Passkeys).attestation[1],
        "passkeys.finish_registration.secret": lambda filled: filled.of(Passkeys).attestation[0],
        "passkeys.finish_sign_in.response": lambda filled: filled.of(Passkeys).assertion[1],
        "passkeys.finish_sign_in.secret": lambda filled: filled.of(Passkeys).assertion[0],
    },
    name=name,
    calls={
        "passkeys.finish_sign_in": lambda core, names: _finish_sign_in(core, names.of(SoftwareAuthenticator)),
    },
)
