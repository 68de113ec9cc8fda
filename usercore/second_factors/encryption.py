"""Encryption of factors' secrets at rest: AES-256-GCM by ``cryptography``, bound to user and factor."""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from usercore.kernel.ids import UserId
from usercore.kernel.randomness import Randomness
from usercore.kernel.values import frozen
from usercore.second_factors.errors import NoFactorKey
from usercore.second_factors.model import FactorKey, StoredFactor

NONCE_BYTES: Final = 12
"""Bytes of a nonce, which precede the ciphertext. Source: NIST SP 800-38D, 8.2."""

_NEEDED: Final = ("pyotp", "cryptography.hazmat.primitives.ciphers.aead")


def check_installed() -> None:
    """Import what second factors need: units, which must not be slow, then find it loaded.

    Raises:
        ValueError: the extra is not installed.
    """
    for name in _NEEDED:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            msg = f"second factors need {error.name}: pip install '.[totp]' from a checkout of usercore"
            raise ValueError(msg) from None


@frozen
class FactorCipher:
    """Encrypts by the first of the host's keys, and decrypts by the one that a factor names."""

    _keys: Sequence[FactorKey]

    @property
    def key_id(self) -> str:
        """The id of the key that encrypts.

        Raises:
            NoFactorKey: there is none.
        """
        if not self._keys:
            raise NoFactorKey
        return self._keys[0].id

    def encrypt(self, secret: bytes, *, user_id: UserId, factor_id: int, randomness: Randomness) -> bytes:
        """Return nonce and ciphertext of a factor's secret.

        Raises:
            NoFactorKey: the host gave no key.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - of an extra

        if not self._keys:
            raise NoFactorKey
        key = self._keys[0]
        nonce = randomness(NONCE_BYTES)
        return nonce + AESGCM(key.key.reveal()).encrypt(nonce, secret, _bound_to(key.id, user_id, factor_id))

    def decrypt(self, factor: StoredFactor) -> bytes | None:
        """Return a factor's secret, or None if its key is gone or the row was damaged or moved."""
        key = next((key for key in self._keys if key.id == factor.key_id), None)
        if key is None:
            return None
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - of an extra
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - of an extra

        nonce, ciphertext = factor.encrypted[:NONCE_BYTES], factor.encrypted[NONCE_BYTES:]
        try:
            secret = AESGCM(key.key.reveal()).decrypt(nonce, ciphertext, _bound_to(key.id, factor.user_id, factor.id))
        except (InvalidTag, ValueError):  # a row that was cut short has no valid nonce
            return None
        return bytes(secret)


def _bound_to(key_id: str, user_id: UserId, factor_id: int) -> bytes:
    """Return what the ciphertext is bound to, so that a row cannot be moved to another user or factor."""
    return f"usercore second factor\0{key_id}\0{user_id}\0{factor_id}".encode()
