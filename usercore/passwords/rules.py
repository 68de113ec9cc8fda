"""The rules of accepted passwords. Pure, except that the first check loads the lists of common passwords."""

from collections.abc import Iterable
from datetime import datetime
from unicodedata import category, normalize

import attrs

from usercore.kernel.randomness import Randomness
from usercore.kernel.secret import Secret, generate_text
from usercore.kernel.values import frozen
from usercore.passwords.errors import PasswordRefused
from usercore.passwords.model import OWN_PREFIX, Credential, PasswordChange, PasswordPolicy
from usercore.passwords.strength import guesses_of, is_guessable

_SHORTEST_NAME = 4
"""The least length of a name that is checked; shorter ones occur in too many passwords by chance."""


@frozen
class ScreenedPassword:
    """A new password that passed the cheap checks, in the form that is hashed."""

    text: str = attrs.field(repr=False)
    is_in_doubt: bool
    """Whether only the estimator can decide if it is common."""


def prepare(password: str, *, max_bytes: int) -> str | None:
    """Return a password in the form that is hashed, or None if the text cannot be a password.

    Other spaces become U+0020, then NFC is applied; controls and lone surrogates are refused. Source: RFC 8265, 4.2.
    """
    if len(password) > max_bytes:
        return None
    if password.isascii() and password.isprintable():
        return password  # the common case: nothing to replace or normalise
    spaced = "".join(" " if category(character) == "Zs" else character for character in password)
    text = normalize("NFC", spaced)
    if any(map(_is_forbidden, text)) or len(text.encode()) > max_bytes:
        return None
    return text


def _is_forbidden(character: str) -> bool:
    return category(character) in ("Cc", "Cs")


def screen_password(
    password: str, *, policy: PasswordPolicy, personal: Iterable[str], host_reasons: Iterable[str] = ()
) -> ScreenedPassword:
    """Check a new password without the estimator. Any Unicode is accepted, and no character class is required.

    Args:
        password: the password as it was typed.
        policy: the limits of length and guesses.
        personal: the user's names and email; the password must not consist mainly of one of them.
        host_reasons: the reasons that the host's own checks returned.

    Raises:
        PasswordRefused: with every reason that was found; ``common`` may be missing if there is another reason.
    """
    text = prepare(password, max_bytes=policy.max_bytes)
    if text is None:
        is_forbidden = len(password) <= policy.max_bytes and any(map(_is_forbidden, password))
        raise PasswordRefused((*host_reasons, "forbidden" if is_forbidden else "too_long"))
    reasons = list(host_reasons)
    if len(text) < policy.min_characters:
        reasons.append("too_short")
    words = [word.casefold() for word in personal if len(word) >= _SHORTEST_NAME]
    if is_personal(text, words, min_characters=policy.min_characters):
        reasons.append("personal")
    guessable = is_guessable(text, policy.min_guesses)
    if guessable:
        reasons.append("common")
    if reasons:
        raise PasswordRefused(tuple(reasons))
    return ScreenedPassword(text, is_in_doubt=guessable is None)


def check_strength(screened: ScreenedPassword, policy: PasswordPolicy) -> str:
    """Return a password in the form that is hashed, running the estimator if necessary. Slow: needs a hash slot.

    Raises:
        PasswordRefused: it is common.
    """
    if screened.is_in_doubt and guesses_of(screened.text) < policy.min_guesses:
        raise PasswordRefused(("common",))
    return screened.text


def is_personal(password: str, words: Iterable[str], *, min_characters: int) -> bool:
    """Return whether removing one of the words leaves less than half of the least length of a password."""
    folded = password.casefold()
    return any(word in folded and len(folded.replace(word, "")) < min_characters // 2 for word in words)


def generate_password(policy: PasswordPolicy, randomness: Randomness) -> Secret:
    """Generate a password of ASCII alphanumeric characters."""
    return Secret(generate_text(policy.generated_characters, randomness))


def may_replace(present: Credential | None, text: str) -> bool:
    """Return whether an import may store this hash: of a user without a password, or whose password was never used.

    An imported hash of another system becomes argon2id at the first sign-in; from then on, or once a password was
    chosen, imports leave it alone. So importing an older file again brings no older password back.
    """
    if present is None:
        return True
    return present.reason is PasswordChange.IMPORT and not present.hash.startswith(OWN_PREFIX) and present.hash != text


def is_expired(credential: Credential, *, now: datetime) -> bool:
    """Return whether a temporary password has expired: it is valid in ``set_at <= now < expires_at``."""
    return credential.expires_at is not None and now >= credential.expires_at
