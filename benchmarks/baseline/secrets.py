"""Secrets by hand: format, checksum and owner as usercore's, unrolled."""

from binascii import crc32
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from usercore.kernel.randomness import Randomness

_ALPHABET: Final = digits + ascii_uppercase + ascii_lowercase
_VALUES: Final = bytes(_ALPHABET.find(chr(byte)) % 256 for byte in range(256))
_PAIRS: Final = [one + other for one in _ALPHABET for other in _ALPHABET]
_CHARACTERS: Final = bytes(ord(_ALPHABET[byte % 62]) for byte in range(256))
_REFUSED: Final = bytes(range(248, 256))
_LENGTH: Final = 62
_LENGTH_WITHOUT_OWNER: Final = 53
_NONE: Final = 255
_DRAWN: Final = 43


def holder_of(secret: str, kind: str) -> int:
    """Return the id of the owner, or 0, which is no id, if format or checksum is wrong."""
    if len(secret) != _LENGTH or not secret.startswith(kind) or not secret.isascii():
        return 0
    written = secret.encode()
    values = written.translate(_VALUES)
    a, b, c, d, e, f = values[56:]
    if crc32(written[:56]) != ((((a * 62 + b) * 62 + c) * 62 + d) * 62 + e) * 62 + f:
        return 0
    a, b, c, d, e, f, g, h, i = values[4:13]
    return (((((((a * 62 + b) * 62 + c) * 62 + d) * 62 + e) * 62 + f) * 62 + g) * 62 + h) * 62 + i


def is_well_formed(secret: str, kind: str) -> bool:
    """Return whether format and checksum of a secret without an owner are right."""
    if len(secret) != _LENGTH_WITHOUT_OWNER or not secret.startswith(kind) or not secret.isascii():
        return False
    written = secret.encode()
    values = written.translate(_VALUES)
    a, b, c, d, e, f = values[47:]
    return _NONE not in values[4:] and crc32(written[:47]) == ((((a * 62 + b) * 62 + c) * 62 + d) * 62 + e) * 62 + f


def digest_of(secret: str) -> bytes:
    """Return the stored digest of a secret."""
    return sha256(secret.encode()).digest()


def draw(kind: str, holder: int, randomness: Randomness) -> str:
    """Return a new random secret for the owner."""
    drawn = randomness(2 * _DRAWN).translate(_CHARACTERS, _REFUSED)
    while len(drawn) < _DRAWN:
        drawn += randomness(2 * _DRAWN).translate(_CHARACTERS, _REFUSED)
    body = f"{kind}{nine(holder)}{drawn[:_DRAWN].decode()}"
    return body + nine(crc32(body.encode()))[3:]


def nine(number: int) -> str:
    """Return a number as nine characters, two at a time."""
    number, a = divmod(number, 3844)
    number, b = divmod(number, 3844)
    number, c = divmod(number, 3844)
    e, d = divmod(number, 3844)
    return _ALPHABET[e] + _PAIRS[d] + _PAIRS[c] + _PAIRS[b] + _PAIRS[a]


def eleven(number: int) -> str:
    """Return a number of 64 bits as eleven characters."""
    high, low = divmod(number, 62**9)
    return _PAIRS[high] + nine(low)


def public_id(kind: str, holder: int, digest: bytes) -> str:
    """Return the name under which operators see a token."""
    return f"{kind}-{nine(holder)}-{eleven(int.from_bytes(digest[:8]))}"
