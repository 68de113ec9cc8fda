"""A browser with an authenticator, in software: it makes passkeys and signs in by them, as a device does.

It needs the extra ``passkeys``. What it returns is the JSON that ``PublicKeyCredential.toJSON()`` returns. Its fields
can be changed between two calls, to test what must be refused.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final

import attrs

from usercore.kernel.randomness import Randomness
from usercore.testing.fakes import FakeRandomness

USER_PRESENT: Final = 0x01
USER_VERIFIED: Final = 0x04
BACKUP_ELIGIBLE: Final = 0x08
BACKED_UP: Final = 0x10
HAS_CREDENTIAL: Final = 0x40
"""Flags of the authenticator data. Source: WebAuthn Level 3, 6.1."""


class Algorithm(IntEnum):
    """Signature algorithms, by their number in COSE."""

    ES256 = -7
    EDDSA = -8
    RS256 = -257


@attrs.define
class DeviceKey:
    """A passkey on the device, with the private key."""

    credential_id: bytes
    rp_id: str
    user_handle: bytes
    algorithm: Algorithm
    private_key: Any = attrs.field(repr=False)
    sign_count: int = 0


@attrs.define(kw_only=True)
class SoftwareAuthenticator:
    """A browser on a page of ``origin``, with one authenticator.

    It counts signatures if ``counts``; synced passkeys do not. ``attests`` adds a self-attestation of the format
    ``packed``. Credential ids and keys are drawn from ``randomness``, except keys for RS256.
    """

    origin: str = "https://example.com"
    algorithm: Algorithm = Algorithm.ES256
    counts: bool = True
    attests: bool = False
    flags: int = USER_PRESENT | USER_VERIFIED
    client_data: dict[str, Any] = attrs.field(factory=dict)
    """Members that the client data has besides the usual ones, or instead of them."""

    rp_id: str | None = None
    """The relying party that is signed for; None is the one of the options."""

    keys: list[DeviceKey] = attrs.field(factory=list)
    randomness: Randomness = attrs.field(factory=lambda: FakeRandomness("authenticator"))

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Make a passkey, as ``navigator.credentials.create()`` does.

        Raises:
            ValueError: the authenticator has a passkey that the options exclude, or cannot sign as they ask.
        """
        excluded = {one["id"] for one in options["excludeCredentials"]}
        if any(_encode(key.credential_id) in excluded for key in self.keys):
            raise ValueError("InvalidStateError: the authenticator has a passkey for this user")
        if self.algorithm not in {one["alg"] for one in options["pubKeyCredParams"]}:
            raise ValueError("NotSupportedError: none of the algorithms is supported")
        key = DeviceKey(
            credential_id=self.randomness(32),
            rp_id=options["rp"]["id"],
            user_handle=_decode(options["user"]["id"]),
            algorithm=self.algorithm,
            private_key=_generate_key(self.algorithm, self.randomness),
        )
        self.keys.append(key)
        credential = bytes(16) + len(key.credential_id).to_bytes(2, "big") + key.credential_id + _public_key_of(key)
        client_data = self._client_data("webauthn.create", options)
        data = self._authenticator_data(key, HAS_CREDENTIAL) + credential
        response = {
            "clientDataJSON": _encode(client_data),
            "attestationObject": _encode(self._attestation(key, data, client_data)),
            "transports": ["internal", "hybrid"],
        }
        return _credential(key, response)

    def get(self, options: Mapping[str, Any], key: DeviceKey | None = None) -> dict[str, Any]:
        """Sign in by a passkey, the newest one unless another is chosen, as ``navigator.credentials.get()`` does.

        Raises:
            ValueError: there is no passkey for the relying party.
        """
        known = [one for one in self.keys if one.rp_id == options["rpId"]]
        if key is None and not known:
            raise ValueError("NotAllowedError: there is no passkey for this relying party")
        chosen = known[-1] if key is None else key
        chosen.sign_count += self.counts
        client_data = self._client_data("webauthn.get", options)
        data = self._authenticator_data(chosen, 0)
        response = {
            "clientDataJSON": _encode(client_data),
            "authenticatorData": _encode(data),
            "signature": _encode(_sign(chosen, data + sha256(client_data).digest())),
            "userHandle": _encode(chosen.user_handle),
        }
        return _credential(chosen, response)

    def _client_data(self, kind: str, options: Mapping[str, Any]) -> bytes:
        usual = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(usual | self.client_data).encode()

    def _authenticator_data(self, key: DeviceKey, flags: int) -> bytes:
        rp_id_hash = sha256((self.rp_id or key.rp_id).encode()).digest()
        return rp_id_hash + bytes([self.flags | flags]) + key.sign_count.to_bytes(4, "big")

    def _attestation(self, key: DeviceKey, data: bytes, client_data: bytes) -> bytes:
        from webauthn.helpers import encode_cbor  # noqa: PLC0415 - hosts that use the other fakes need not have it

        statement: dict[str, Any] = {}
        if self.attests:
            statement = {"alg": int(key.algorithm), "sig": _sign(key, data + sha256(client_data).digest())}
        return encode_cbor({"fmt": "packed" if self.attests else "none", "attStmt": statement, "authData": data})


def _credential(key: DeviceKey, response: dict[str, Any]) -> dict[str, Any]:
    name = _encode(key.credential_id)
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    }


def _generate_key(algorithm: Algorithm, randomness: Randomness) -> Any:  # noqa: ANN401 - one of three classes without a common base
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415 - see above

    if algorithm is Algorithm.ES256:
        return ec.derive_private_key(int.from_bytes(randomness(31), "big"), ec.SECP256R1())
    if algorithm is Algorithm.EDDSA:
        return ed25519.Ed25519PrivateKey.from_private_bytes(randomness(32))
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _public_key_of(key: DeviceKey) -> bytes:
    """Return the public key as COSE encodes it. Source: RFC 9052, RFC 9053 and RFC 8230."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415 - see above
    from webauthn.helpers import encode_cbor  # noqa: PLC0415 - see above

    public = key.private_key.public_key()
    if key.algorithm is Algorithm.EDDSA:
        return encode_cbor({1: 1, 3: -8, -1: 6, -2: public.public_bytes(Encoding.Raw, PublicFormat.Raw)})
    numbers = public.public_numbers()
    if key.algorithm is Algorithm.ES256:
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
    return encode_cbor({1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")})


def _sign(key: DeviceKey, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, padding  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above

    arguments: dict[Algorithm, tuple[Any, ...]] = {
        Algorithm.ES256: (ec.ECDSA(SHA256(), deterministic_signing=True),),
        Algorithm.EDDSA: (),
        Algorithm.RS256: (padding.PKCS1v15(), SHA256()),
    }
    signature: bytes = key.private_key.sign(data, *arguments[key.algorithm])
    return signature


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
