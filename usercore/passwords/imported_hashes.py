"""Hashes that other systems computed: which one a text is, what it demands, and how a password is compared with it.

Libraries verify them: libpass, bcrypt, cryptography and argon2-cffi. Except for the last they belong to the extra
``imported-hashes`` and are imported when such a hash is met. Only what no library has is here: the scrypt of Firebase
and of Django, and how WordPress, Django and Devise change a password before bcrypt.
"""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import argon2
from argon2.exceptions import Argon2Error

from usercore.kernel.errors import FieldError, Overloaded
from usercore.passwords.model import OWN_PREFIX, PasswordPolicy
from usercore.passwords.stored_hash import Bound, UnusableHash, check_argon2, check_bounds, damaged

EXTRA: Final = "usercore[imported-hashes]"

HASH_LIMIT: Final = 512
"""The most characters of an imported hash. Source: usercore; the longest known ones have 300."""

Verify = Callable[[str], bool]
"""Returns whether a password is that of the hash. Slow."""

_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]")
"""Unused bits are zero, as every implementation writes them."""

_BCRYPT_BYTES: Final = 72
"""What bcrypt reads of a password; every system that used it ignored the rest. Source: Provos and Mazières, 1999."""

_DJANGO_SCRYPT: Final = re.compile(r"scrypt\$(\d{1,10})\$([^$]+)\$(\d{1,5})\$(\d{1,5})\$([A-Za-z0-9+/]{86}==)")
_PASSLIB_SCRYPT: Final = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,5}),p=(\d{1,5})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]{43})"
)
_FIREBASE: Final = re.compile(
    r"\$firescrypt\$ln=(\d{1,2}),r=(\d{1,5}),p=(\d{1,5})\$([A-Za-z0-9+/_-]+={0,2})\$([A-Za-z0-9+/_-]+={0,2})"
)
"""Source: Ory Kratos, which has the salt separator and the signer key behind it; here they are in the policy."""

_POWERS: Final = frozenset(2**exponent for exponent in range(1, 64))

_SCRYPT_KIB: Final = 2**20
"""The most memory of scrypt, whatever the policy. Source: ``hashlib`` takes less than 2 GiB, overhead included."""

_URL_SAFE: Final = str.maketrans("-_", "+/")


def read_hash(text: str, policy: PasswordPolicy) -> Verify:
    """Return what verifies passwords by an imported hash; nothing is computed yet.

    Raises:
        UnusableHash: its kind is unknown or not allowed, it is damaged, demands more than the policy allows, or
            lacks a key of the policy or a package.
    """
    if len(text) > HASH_LIMIT:
        raise UnusableHash(FieldError("password_hash", "too_long"), f"it has more than {HASH_LIMIT} characters")
    if not text.isascii():
        raise damaged()
    for prefix, read in _READERS.items():
        if text.startswith(prefix):
            return read(text, policy)
    raise UnusableHash(FieldError("password_hash", "unsupported"), "its kind is unknown")


def check_hash(text: str, policy: PasswordPolicy) -> None:
    """Check that a stored hash, usercore's own or an imported one, can be verified. Cheap: nothing is hashed.

    Raises:
        UnusableHash: as ``read_hash`` does.
    """
    if text.startswith(OWN_PREFIX):
        check_argon2(text, policy)
    else:
        read_hash(text, policy)


def format_of(text: str) -> str:
    """Return which hash a stored text is, without its salt: own hashes with their parameters; ``unknown`` if none."""
    if text.startswith(OWN_PREFIX):
        return "$".join(text.split("$")[:4])
    return next((prefix for prefix in _READERS if text.startswith(prefix)), "unknown")


def hash_problem(text: str, policy: PasswordPolicy) -> str | None:
    """Return why a stored hash cannot be verified, as a reason of ``FieldError``, or None."""
    try:
        check_hash(text, policy)
    except UnusableHash as unusable:
        return unusable.error.reason
    return None


def _argon2(text: str, policy: PasswordPolicy) -> Verify:
    phc = text.removeprefix("argon2")
    check_argon2(phc, policy)

    def verify(password: str) -> bool:
        try:
            return argon2.PasswordHasher().verify(phc, password)
        except (Argon2Error, ValueError):
            return False

    return verify


def _bcrypt(prepare: Callable[[str, PasswordPolicy], bytes], prefix: str = "") -> "Reader":
    def read(text: str, policy: PasswordPolicy) -> Verify:
        plain = text.removeprefix(prefix)
        found = _BCRYPT.fullmatch(plain)
        if found is None:
            raise damaged()
        check_bounds([("as the cost", int(found[1]), 4, policy.imported_hashes.max_bcrypt_cost)])
        prepare("", policy)  # a missing key is found now, not when a password is verified
        bcrypt = _package("bcrypt")
        return lambda password: bool(bcrypt.checkpw(prepare(password, policy), plain.encode()))

    return read


def _plain(password: str, _: PasswordPolicy) -> bytes:
    return password.encode()[:_BCRYPT_BYTES]


def _django_sha256(password: str, _: PasswordPolicy) -> bytes:
    return hashlib.sha256(password.encode()).hexdigest().encode()


def _wordpress(password: str, _: PasswordPolicy) -> bytes:
    return b64encode(hmac.digest(b"wp-sha384", password.encode(), "sha384"))


def _devise(password: str, policy: PasswordPolicy) -> bytes:
    pepper = policy.imported_hashes.devise_pepper
    if pepper is None:
        raise _without_key("devise_pepper")
    return (password + pepper.reveal()).encode()[:_BCRYPT_BYTES]


def _django_scrypt(text: str, policy: PasswordPolicy) -> Verify:
    work, salt, block, lanes, digest = _groups(_DJANGO_SCRYPT, text)
    return _by_scrypt((int(work), int(block), int(lanes)), salt.encode(), _base64(digest), policy)


def _passlib_scrypt(text: str, policy: PasswordPolicy) -> Verify:
    log2, block, lanes, salt, digest = _groups(_PASSLIB_SCRYPT, text)
    cost = 2 ** int(log2), int(block), int(lanes)
    return _by_scrypt(cost, _base64(_padded(salt)), _base64(_padded(digest)), policy)


def _by_scrypt(cost: tuple[int, int, int], salt: bytes, digest: bytes, policy: PasswordPolicy) -> Verify:
    _check_scrypt(*cost, policy)
    return lambda password: hmac.compare_digest(_scrypt(password, salt, cost, len(digest)), digest)


def _firebase(text: str, policy: PasswordPolicy) -> Verify:
    log2, block, lanes, *texts = _groups(_FIREBASE, text)
    cost = 2 ** int(log2), int(block), int(lanes)
    _check_scrypt(*cost, policy)
    salt, signed = map(_base64, texts)
    key = policy.imported_hashes.firebase_key
    if key is None:
        raise _without_key("firebase_key")
    ciphers = _package("cryptography.hazmat.primitives.ciphers")

    def verify(password: str) -> bool:
        """Encrypt the signer key by a key made of the password. Source: github.com/firebase/scrypt."""
        derived = _scrypt(password, salt + key.salt_separator, cost, 32)
        cipher = ciphers.Cipher(ciphers.algorithms.AES(derived), ciphers.modes.CTR(bytes(16)))
        return hmac.compare_digest(cipher.encryptor().update(key.signer_key.reveal()), signed)

    return verify


def _scrypt(password: str, salt: bytes, cost: tuple[int, int, int], length: int) -> bytes:
    work, block, lanes = cost
    memory = 128 * block * (work + lanes + 2)
    try:
        return hashlib.scrypt(password.encode(), salt=salt, n=work, r=block, p=lanes, maxmem=memory, dklen=length)
    except (MemoryError, ValueError) as error:  # the numbers were checked, so the machine has no memory for it
        raise Overloaded from error


def _check_scrypt(work: int, block: int, lanes: int, policy: PasswordPolicy) -> None:
    """Check that the numbers are those of RFC 7914, 2, and that they demand no more than the policy allows.

    Lanes may be computed one after the other, so their memory is added up: it bounds the time, too.

    Raises:
        UnusableHash: they are not, or they demand too much.
    """
    if not block or not lanes or work not in _POWERS or work >= 2 ** (16 * min(block, 4)):
        raise damaged()
    kib = -(-work * block * lanes // 8)
    most = min(policy.max_memory_kib, _SCRYPT_KIB)
    check_bounds([("KiB in all lanes", kib, 1, most), ("lanes", lanes, 1, policy.max_lanes)])


def _libpass(name: str, pattern: str, bounds_of: Callable[[Any, PasswordPolicy], list[Bound]]) -> "Reader":
    """Return what reads hashes by a handler of libpass, which sees only texts of the pattern."""
    shape = re.compile(pattern)

    def read(text: str, policy: PasswordPolicy) -> Verify:
        if shape.fullmatch(text) is None:
            raise damaged()
        handler = getattr(_package("passlib.hash"), name)
        try:
            parsed = handler.from_string(text)
        except (ValueError, TypeError):
            raise damaged() from None
        check_bounds(bounds_of(parsed, policy))
        return lambda password: bool(handler.verify(password, text))

    return read


def _digest(name: str, pattern: str) -> "Reader":
    read_allowed = _libpass(name, pattern, lambda *_: [])

    def read(text: str, policy: PasswordPolicy) -> Verify:
        if not policy.imported_hashes.digests:
            raise UnusableHash(FieldError("password_hash", "not_allowed"), "the policy allows no digests")
        return read_allowed(text, policy)

    return read


def _pbkdf2_bounds(parsed: Any, policy: PasswordPolicy) -> list[Bound]:  # noqa: ANN401 - libpass has no types
    return [("iterations", parsed.rounds, 1, policy.imported_hashes.max_pbkdf2_iterations)]


def _sha_crypt_bounds(parsed: Any, policy: PasswordPolicy) -> list[Bound]:  # noqa: ANN401 - as above
    return [("rounds", parsed.rounds, 1000, policy.imported_hashes.max_sha_crypt_rounds)]


def _phpass_bounds(parsed: Any, policy: PasswordPolicy) -> list[Bound]:  # noqa: ANN401 - as above
    return [("as the cost", parsed.rounds, 7, policy.imported_hashes.max_phpass_cost)]


def _bcrypt_bounds(parsed: Any, policy: PasswordPolicy) -> list[Bound]:  # noqa: ANN401 - as above
    _package("bcrypt")  # libpass looks for it when it verifies
    return [("as the cost", parsed.rounds, 4, policy.imported_hashes.max_bcrypt_cost)]


def _without_key(name: str) -> UnusableHash:
    problem = f"the policy has no ImportedHashes.{name}"
    return UnusableHash(FieldError("password_hash", "no_key"), problem)


def _groups(pattern: re.Pattern[str], text: str) -> Sequence[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise damaged()
    return found.groups()


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _base64(text: str) -> bytes:
    try:
        return b64decode(text.translate(_URL_SAFE), validate=True)
    except ValueError:
        raise damaged() from None


def _package(name: str) -> Any:  # noqa: ANN401 - a module
    try:
        return import_module(name)
    except ImportError:
        problem = f"the extra {EXTRA} is not installed"
        raise UnusableHash(FieldError("password_hash", "extra_not_installed"), problem) from None


Reader = Callable[[str, PasswordPolicy], Verify]

_B64: Final = "[A-Za-z0-9+/]"
_H64: Final = "[./A-Za-z0-9]"

_READERS: Final[Mapping[str, Reader]] = {
    "argon2$": _argon2,
    "$argon2": _argon2,
    "bcrypt_sha256$": _bcrypt(_django_sha256, "bcrypt_sha256$"),
    "bcrypt$": _bcrypt(_plain, "bcrypt$"),
    "$2": _bcrypt(_plain),
    "$wp$": _bcrypt(_wordpress, "$wp"),
    "$devise$": _bcrypt(_devise, "$devise"),
    "$bcrypt-sha256$": _libpass(
        "bcrypt_sha256", rf"\$bcrypt-sha256\$v=2,t=2b,r=\d{{1,2}}\${_H64}{{21}}[.Oeu]\${_H64}{{31}}", _bcrypt_bounds
    ),
    "pbkdf2_sha256$": _libpass(
        "django_pbkdf2_sha256", rf"pbkdf2_sha256\$\d{{1,10}}\$[^$]+\${_B64}{{43}}=", _pbkdf2_bounds
    ),
    "pbkdf2_sha1$": _libpass("django_pbkdf2_sha1", rf"pbkdf2_sha1\$\d{{1,10}}\$[^$]+\${_B64}{{27}}=", _pbkdf2_bounds),
    "$pbkdf2$": _libpass("pbkdf2_sha1", rf"\$pbkdf2\$\d{{1,10}}\${_H64}+\${_H64}{{27}}", _pbkdf2_bounds),
    "$pbkdf2-sha256$": _libpass(
        "pbkdf2_sha256", rf"\$pbkdf2-sha256\$\d{{1,10}}\${_H64}+\${_H64}{{43}}", _pbkdf2_bounds
    ),
    "$pbkdf2-sha512$": _libpass(
        "pbkdf2_sha512", rf"\$pbkdf2-sha512\$\d{{1,10}}\${_H64}+\${_H64}{{86}}", _pbkdf2_bounds
    ),
    "scrypt$": _django_scrypt,
    "$scrypt$": _passlib_scrypt,
    "$firescrypt$": _firebase,
    "$P$": _libpass("phpass", rf"\$P\${_H64}{{31}}", _phpass_bounds),
    "$H$": _libpass("phpass", rf"\$H\${_H64}{{31}}", _phpass_bounds),
    "$5$": _libpass("sha256_crypt", rf"\$5\$(rounds=\d{{4,9}}\$)?{_H64}{{0,16}}\${_H64}{{43}}", _sha_crypt_bounds),
    "$6$": _libpass("sha512_crypt", rf"\$6\$(rounds=\d{{4,9}}\$)?{_H64}{{0,16}}\${_H64}{{86}}", _sha_crypt_bounds),
    "sha1$": _digest("django_salted_sha1", r"sha1\$[^$]+\$[0-9a-f]{40}"),
    "md5$": _digest("django_salted_md5", r"md5\$[^$]+\$[0-9a-f]{32}"),
    "{SSHA}": _digest("ldap_salted_sha1", rf"{{SSHA}}{_B64}+=?=?"),
    "{SSHA256}": _digest("ldap_salted_sha256", rf"{{SSHA256}}{_B64}+=?=?"),
    "{SSHA512}": _digest("ldap_salted_sha512", rf"{{SSHA512}}{_B64}+=?=?"),
    "{SMD5}": _digest("ldap_salted_md5", rf"{{SMD5}}{_B64}+=?=?"),
}
"""What reads a hash, by how the hash begins."""
