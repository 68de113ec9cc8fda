"""Digests that are indexed in place of long keys."""

from functools import lru_cache
from hashlib import sha256

from usercore.users.keys import KeySpace, login_key


@lru_cache(maxsize=4096)  # a key is looked up before it is claimed, also each of the thousand records of an import
def digest_of_key(space: KeySpace, key: str) -> bytes:
    """Return the digest that is indexed in place of a key: 16 bytes, so the key itself is compared, too."""
    return digest_of_texts(space._value_, key)


@lru_cache(maxsize=1024)  # few user agents make up nearly all requests
def digest_of_user_agent(text: str) -> bytes:
    """Return the digest under which a user agent is stored once: half of a SHA-256."""
    return sha256(text.encode()).digest()[:16]


def digest_of_login(login: str | None) -> bytes:
    """Return what is indexed for the login of an attempt, the same for all spellings of its key; empty without one."""
    return b"" if login is None else digest_of_key(KeySpace.LOGIN, login_key(login))


def digest_of_texts(first: str, second: str) -> bytes:
    """Return what is indexed instead of two texts, the first without NUL; the texts are compared, too."""
    return sha256(f"{first}\0{second}".encode()).digest()[:16]
