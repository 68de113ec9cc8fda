"""Passwords: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.passwords.model import KINDS, ROWS, PasswordPolicy, ResetPolicy
from usercore.passwords.ports import PasswordsUnit

CAPABILITY: Final = Capability(
    name="passwords",
    unit=PasswordsUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(PasswordPolicy, ResetPolicy),
    public=(
        "FirebaseKey",
        "HashProfile",
        "ImportedHashes",
        "OWASP",
        "PasswordChange",
        "PasswordPolicy",
        "PasswordRefused",
        "Pepper",
        "RFC_9106_HIGH",
        "RFC_9106_LOW",
        "ResetPolicy",
    ),
)
