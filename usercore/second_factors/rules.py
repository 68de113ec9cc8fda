"""Codes, and who needs a second factor. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import attrs

from usercore.kernel.randomness import Randomness
from usercore.kernel.secret import Digest, Secret, digest_of
from usercore.kernel.text import unique_key
from usercore.second_factors.model import RequiredFor, SecondFactor, SecondFactorPolicy, SignInChallenge, StoredFactor

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and capitals that are not mistaken for one another. Source: Crockford's base 32."""

_CODE_BYTES: Final = 15
_GROUP: Final = 6
_CHARACTERS: Final = 24
"""Of a recovery code: 120 bits. Source: NIST SP 800-63B-4, 3.1.2.2: from 112 bits on a plain hash suffices."""

_SEPARATORS: Final = re.compile(r"[\s-]+")
_LOOK_ALIKE: Final = str.maketrans("OIL", "011")
_MOST_TYPED: Final = 100
"""Characters of a code as it is typed; a longer text cannot be one. Source: usercore."""


def policy_in(policy: SecondFactorPolicy, tenant_key: str) -> SecondFactorPolicy:
    """Return the policy as it is for the users of a tenant."""
    if unique_key(tenant_key) in map(unique_key, policy.required_in):
        return attrs.evolve(policy, required_for=RequiredFor.ALL)
    return policy


def is_required(policy: SecondFactorPolicy, *, is_privileged: bool) -> bool:
    """Return whether the policy of a user's tenant demands that the user has a second factor. Source: spec F7."""
    if policy.required_for is RequiredFor.PRIVILEGED:
        return is_privileged
    return policy.required_for is RequiredFor.ALL


def confirmed(factors: Iterable[StoredFactor]) -> list[StoredFactor]:
    """Return the factors that count."""
    return [factor for factor in factors if factor.confirmed_at is not None]


def pending(factors: Iterable[StoredFactor], *, now: datetime, policy: SecondFactorPolicy) -> StoredFactor | None:
    """Return the factor that can be confirmed, or None."""
    open_factors = (
        one for one in factors if one.confirmed_at is None and now - one.created_at < policy.enrollment_lifetime
    )
    return next(open_factors, None)


def shown(factor: StoredFactor) -> SecondFactor:
    """Return a confirmed factor as callers see it."""
    confirmed_at = factor.created_at if factor.confirmed_at is None else factor.confirmed_at
    return SecondFactor(id=factor.id, name=factor.name, confirmed_at=confirmed_at, last_used_at=factor.last_used_at)


def generate_recovery_code(randomness: Randomness) -> Secret:
    """Generate a recovery code: four groups of six characters."""
    number = int.from_bytes(randomness(_CODE_BYTES), "big")
    text = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_CHARACTERS))
    return Secret("-".join(text[start : start + _GROUP] for start in range(0, _CHARACTERS, _GROUP)))


def clean_code(typed: str) -> str:
    """Return a code without the blanks and hyphens between its groups, in capitals; "" if no code is so long."""
    return "" if len(typed) > _MOST_TYPED else _SEPARATORS.sub("", typed).upper()


def digest_of_recovery_code(typed: str) -> Digest:
    """Return the digest of a recovery code in any spelling. Text that is no recovery code has a digest, too."""
    return digest_of(clean_code(typed).translate(_LOOK_ALIKE))


def is_redeemable(challenge: SignInChallenge, *, now: datetime) -> bool:
    """Return whether a challenge was neither redeemed nor has expired."""
    return challenge.redeemed_at is None and now < challenge.expires_at
