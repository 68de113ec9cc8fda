"""Secrets: what a holder presents. Only the digest is stored, so read access to the database permits no sign-in.

A secret is ``uc<kind>_``, 9 characters that encode its holder, 43 random ones (256 bits) and 6 of checksum. Form and
checksum are verified before any look-up, which is by primary key, as the secret contains its holder. The secret of a
token that belongs to no user has no holder, and is looked up by its digest alone. Source: spec K1.
"""

import hashlib
import hmac
from binascii import crc32
from typing import Final, NewType, NoReturn

from usercore.kernel.ids import LIMIT
from usercore.kernel.randomness import Randomness
from usercore.kernel.text import check_type

Digest = NewType("Digest", bytes)

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE: Final = len(_ALPHABET)
_NO_VALUE: Final = 255
_VALUES: Final = bytes(_ALPHABET.find(chr(byte)) % 256 for byte in range(256))  # -1, not found, becomes 255

_HOLDER: Final = 9
_CHANCE: Final = 43
_CHECK: Final = 6
_BODY: Final = _HOLDER + _CHANCE + _CHECK
_BODY_WITHOUT_HOLDER: Final = _CHANCE + _CHECK

_EVEN: Final = 256 - 256 % _BASE
_REFUSED: Final = bytes(range(_EVEN, 256))  # accepting them would make the first characters more likely
_CHARACTERS: Final = bytes(ord(_ALPHABET[byte % _BASE]) for byte in range(256))


class _Hidden:
    """The base class of values that cannot be printed, logged, pickled, copied or serialized as JSON by accident.

    Copying is refused like pickling, so ``copy.deepcopy`` and ``dataclasses.asdict`` of an object that contains a
    secret raise ``TypeError``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a text without the value."""
        return f"{type(self).__name__}('...')"

    def __str__(self) -> str:
        """Return a text without the value."""
        return repr(self)

    def __format__(self, spec: str) -> str:
        """Return a text without the value, as f-strings call this method."""
        return format(repr(self), spec)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Raise TypeError instead of pickling or copying the value."""
        _refuse_copy()

    def __getstate__(self) -> NoReturn:
        """Raise TypeError instead of returning the value as a state."""
        _refuse_copy()


def _refuse_copy() -> NoReturn:
    msg = "a secret is not pickled or copied; reveal it if you must store it"
    raise TypeError(msg)


class Secret(_Hidden):
    """Secret text. It cannot be printed, logged, pickled or serialized as JSON by accident: call ``reveal()``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Store ``text``."""
        self._text = check_type(text, str, name="a secret")

    def reveal(self) -> str:
        """Return the text. Pass it to its holder only."""
        return self._text

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes_of(self._text), _bytes_of(other._text))

    def __hash__(self) -> int:
        """Hash by the text."""
        return hash(self._text)


class SecretBytes(_Hidden):
    """Bytes of a key. They cannot be printed, logged, pickled or serialized as JSON by accident: call ``reveal()``."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Store ``key``."""
        self._key = check_type(key, bytes, name="a key")

    def reveal(self) -> bytes:
        """Return the bytes."""
        return self._key

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, SecretBytes):
            return NotImplemented
        return hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        """Hash by the bytes."""
        return hash(self._key)


def secret_bytes_of(key: SecretBytes | bytes) -> SecretBytes:
    """Return a key as ``SecretBytes``.

    Raises:
        TypeError: it is neither bytes nor ``SecretBytes``.
    """
    return key if isinstance(key, SecretBytes) else SecretBytes(key)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def text_of(secret: object) -> str:
    """Return the text of a secret that is passed as text or as a ``Secret``.

    Raises:
        TypeError: it is neither text nor a ``Secret``.
    """
    if isinstance(secret, str):
        return check_type(secret, str, name="a secret")
    if isinstance(secret, Secret):
        return check_type(secret.reveal(), str, name="a secret")
    msg = f"a secret must be Secret or str, not {type(secret).__name__}"
    raise TypeError(msg)


def digest_of(secret: Secret | str) -> Digest:
    """Return the digest of a secret, which is what storages store: its SHA-256, 32 bytes."""
    return Digest(hashlib.sha256(_bytes_of(text_of(secret))).digest())


def generate_text(count: int, randomness: Randomness) -> str:
    """Generate a text of ``count`` ASCII alphanumeric characters, each equally likely."""
    drawn = b""
    while len(drawn) < count:
        drawn += randomness(2 * count).translate(_CHARACTERS, _REFUSED)
    return drawn[:count].decode("ascii")


def generate_secret(kind: str, holder: int | None, randomness: Randomness) -> Secret:
    """Generate a secret of this kind for the holder, an id below 2^53, or without a holder."""
    written = "" if holder is None else write_base62(holder, _HOLDER)
    body = f"{kind}_{written}{generate_text(_CHANCE, randomness)}"
    return Secret(body + _check_of(body))


def holder_of(secret: Secret | str, kind: str) -> int | None:
    """Return the id of the holder of a secret of this kind, or None if form or checksum is wrong."""
    read = read_secret(secret, kind)
    return None if read is None else read[0]


def read_secret(secret: Secret | str, kind: str) -> tuple[int, Digest] | None:
    """Return the holder's id and the digest of a secret of this kind, or None if form or checksum is wrong."""
    written = _well_formed(secret, kind, _BODY)
    if written is None:
        return None
    holder = _number_of(written[-_BODY : _HOLDER - _BODY].translate(_VALUES))
    return (holder, Digest(hashlib.sha256(written).digest())) if 0 < holder < LIMIT else None


def read_secret_without_holder(secret: Secret | str, kind: str) -> Digest | None:
    """Return the digest of a secret of this kind that has no holder, or None if form or checksum is wrong."""
    written = _well_formed(secret, kind, _BODY_WITHOUT_HOLDER)
    return None if written is None else Digest(hashlib.sha256(written).digest())


def _well_formed(secret: Secret | str, kind: str, length: int) -> bytes | None:
    """Return the text of a secret whose body has this length, or None if form or checksum is wrong."""
    text = secret if type(secret) is str else text_of(secret)
    if len(text) != len(kind) + 1 + length or not text.startswith(f"{kind}_") or not text.isascii():
        return None
    written = text.encode("ascii")
    values = written[-length:].translate(_VALUES)
    if _NO_VALUE in values or _number_of(values[-_CHECK:]) != crc32(written[:-_CHECK]):
        return None
    return written


def write_base62(number: int, width: int) -> str:
    """Return a number in base 62 (digits, upper case, lower case), in ``width`` characters."""
    written = ""
    for _ in range(width):
        written = _ALPHABET[number % _BASE] + written
        number //= _BASE
    return written


def read_base62(text: str) -> int | None:
    """Return the number that ``write_base62`` wrote, or None for any other text."""
    if not text.isascii():
        return None
    values = text.encode("ascii").translate(_VALUES)
    return None if _NO_VALUE in values or not values else _number_of(values)


def _number_of(values: bytes) -> int:
    number = 0
    for value in values:
        number = number * _BASE + value
    return number


def _check_of(body: str) -> str:
    return write_base62(crc32(body.encode("ascii")), _CHECK)
