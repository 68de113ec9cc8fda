"""What makes a stored hash unusable, and the bounds of what an argon2 hash demands. Pure."""

import re
from collections.abc import Iterable
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError

from usercore.kernel.errors import FieldError
from usercore.passwords.model import LANE_KIB, PasswordPolicy

Bound = tuple[str, int, int, int]
"""The unit of a cost, what a hash demands of it, and the least and the most that is allowed."""

_SALT_AND_DIGEST: Final = re.compile(r"[^$]*(?:\$[^$]*){1,3}\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{6,}")
"""Salts of 8 bytes and digests of 4 or more, in Base64. Source: RFC 9106, 3.1."""


class UnusableHash(Exception):
    """A stored hash cannot be verified: the error of the field in an import, and a phrase for operators.

    Neither contains the hash.
    """

    def __init__(self, error: FieldError, problem: str) -> None:
        """Name the reason and the problem."""
        super().__init__(problem)
        self.error, self.problem = error, problem


def damaged() -> UnusableHash:
    """Return the error of a hash that is not of the form that its first characters announce."""
    return UnusableHash(FieldError("password_hash", "malformed"), "it is damaged")


def check_bounds(bounds: Iterable[Bound]) -> None:
    """Check what a hash demands.

    Raises:
        UnusableHash: it demands too much, or so little that it must be damaged.
    """
    for unit, demanded, least, most in bounds:
        if not least <= demanded <= most:
            error = FieldError("password_hash", "malformed" if demanded < least else "too_costly")
            raise UnusableHash(error, f"it demands {demanded} {unit}, not {least} to {most}")


def check_argon2(text: str, policy: PasswordPolicy) -> None:
    """Check that an argon2 hash of any variant is complete and demands no more than the policy allows.

    Raises:
        UnusableHash: it is damaged, or demands too little or too much.
    """
    try:
        demanded = argon2.extract_parameters(text)
    except (InvalidHashError, ValueError):
        raise damaged() from None
    if not _SALT_AND_DIGEST.fullmatch(text):
        raise damaged()
    lanes = demanded.parallelism
    check_bounds(
        (
            ("lanes", lanes, 1, policy.max_lanes),
            ("KiB", demanded.memory_cost, LANE_KIB * lanes, policy.max_memory_kib),
            ("passes", demanded.time_cost, 1, policy.max_passes),
        )
    )
