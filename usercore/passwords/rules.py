"""Which passwords are accepted. Pure, but for the list of common ones, which is loaded at the first check."""

from collections.abc import Iterable
from datetime import datetime
from unicodedata import category, normalize

from usercore.kernel.randomness import Randomness
from usercore.kernel.secret import Secret, generate_text
from usercore.passwords.errors import PasswordRefused
from usercore.passwords.model import Credential, PasswordPolicy

_JUDGED = 32
"""Characters that the estimator looks at. It takes two seconds for 72 signs that may stand for letters, 0.2 for 32."""

_SHORTEST_NAME = 4
"""Shorter names stand in too many passwords by chance."""


def prepare(password: str, *, most_bytes: int) -> str | None:
    """Give a password in the form that is hashed, or None if it cannot be one.

    Other spaces become U+0020, then NFC; controls and lone surrogates are refused. Source: RFC 8265, 4.2.
    """
    if len(password) > most_bytes:
        return None
    if password.isascii() and password.isprintable():
        return password  # nearly all: there is nothing in it to look at or to normalise
    spaced = "".join(" " if category(character) == "Zs" else character for character in password)
    text = normalize("NFC", spaced)
    if any(map(_is_forbidden, text)) or len(text.encode()) > most_bytes:
        return None
    return text


def _is_forbidden(character: str) -> bool:
    return category(character) in ("Cc", "Cs")


def check_acceptable(
    password: str, *, policy: PasswordPolicy, personal: Iterable[str], host_reasons: Iterable[str] = ()
) -> str:
    """Give a new password in the form that is hashed. Any Unicode is welcome, and no class of characters is asked for.

    Args:
        password: as it was typed.
        policy: lengths and guesses.
        personal: the user's names and email; the password must not be made of one of them.
        host_reasons: what the host's own checks found.

    Raises:
        PasswordRefused: with every reason.
    """
    text = prepare(password, most_bytes=policy.most_bytes)
    if text is None:
        is_forbidden = len(password) <= policy.most_bytes and any(map(_is_forbidden, password))
        raise PasswordRefused((*host_reasons, "forbidden" if is_forbidden else "too_long"))
    reasons = list(host_reasons)
    if len(text) < policy.least_characters:
        reasons.append("too_short")
    words = [word.casefold() for word in personal if len(word) >= _SHORTEST_NAME]
    if is_personal(text, words, least_characters=policy.least_characters):
        reasons.append("personal")
    if guesses_of(text) < policy.least_guesses:
        reasons.append("common")
    if reasons:
        raise PasswordRefused(tuple(reasons))
    return text


def is_personal(password: str, words: Iterable[str], *, least_characters: int) -> bool:
    """Say whether hardly anything is left of the password without one of the words."""
    folded = password.casefold()
    return any(word in folded and len(folded.replace(word, "")) < least_characters // 2 for word in words)


def guesses_of(password: str) -> float:
    """Estimate how many guesses somebody needs who knows common passwords, words, dates, keyboards and sequences."""
    if not password:  # the estimator fails on it
        return 1.0
    from zxcvbn import zxcvbn  # noqa: PLC0415 - 30 ms and a large list, needed only where a password is set

    return float(zxcvbn(password[:_JUDGED])["guesses"])


def generate_password(policy: PasswordPolicy, randomness: Randomness) -> Secret:
    """Draw a password of letters and digits for somebody who has none."""
    return Secret(generate_text(policy.generated_characters, randomness))


def is_expired(credential: Credential, *, now: datetime) -> bool:
    """Say whether a temporary password is over. It lives in ``set_at <= now < expires_at``."""
    return credential.expires_at is not None and now >= credential.expires_at
