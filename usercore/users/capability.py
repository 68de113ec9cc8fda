"""Users: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.users.model import KINDS, ROWS, EmailPolicy, SearchPolicy
from usercore.users.ports import UsersUnit

CAPABILITY: Final = Capability(
    name="users",
    unit=UsersUnit,
    kinds=KINDS,
    rows=ROWS,
    policies=(EmailPolicy, SearchPolicy),
    public=(
        "AccountStatus",
        "AccountStatusCode",
        "EmailChange",
        "EmailChangeState",
        "EmailPolicy",
        "ExternalIdLinked",
        "ExternalRegistrationFields",
        "LastAdmin",
        "Preferences",
        "RegistrationFields",
        "SearchPolicy",
        "TooBroad",
        "User",
        "UserFields",
        "UserState",
    ),
)
