"""What an import needs of a unit."""

from typing import Protocol

from usercore.passwords.ports import PasswordsUnit
from usercore.storage.registration_counts import RegistrationCountsUnit
from usercore.tokens.ports import TokensUnit
from usercore.users.ports import UsersUnit


class ImportUnit(UsersUnit, PasswordsUnit, TokensUnit, RegistrationCountsUnit, Protocol):
    """What an import reads and writes."""
