"""The cost of a stored argon2id hash, and whether the policy allows it. Pure."""

import re
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError

from usercore.passwords.model import LANE_KIB, PasswordPolicy

_SALT_AND_DIGEST: Final = re.compile(r"[^$]*(?:\$[^$]*){1,3}\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{6,}")
"""Salts of 8 bytes and digests of 4 or more, in Base64. Source: RFC 9106, 3.1."""


def hash_problem(text: str, policy: PasswordPolicy) -> str | None:
    """Return why a stored hash cannot be used under this policy, without the hash itself, or None."""
    try:
        demanded = argon2.extract_parameters(text)
    except InvalidHashError:
        return "it is damaged"
    if demanded.type is not argon2.Type.ID:
        return "it is not argon2id"
    if not _SALT_AND_DIGEST.fullmatch(text):
        return "it is damaged"
    lanes = demanded.parallelism
    for name, value, least, most in (
        ("lanes", lanes, 1, policy.max_lanes),
        ("KiB", demanded.memory_cost, LANE_KIB * lanes, policy.max_memory_kib),
        ("passes", demanded.time_cost, 1, policy.max_passes),
    ):
        if not least <= value <= most:
            return f"it demands {value} {name}, not {least} to {most}"
    return None
