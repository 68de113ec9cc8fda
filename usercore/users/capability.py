"""Users: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.users.model import KINDS, EmailPolicy
from usercore.users.ports import UsersUnit

CAPABILITY: Final = Capability(
    name="users",
    unit=UsersUnit,
    kinds=KINDS,
    policies=(EmailPolicy,),
    public=(
        "AccountStatus",
        "EmailChange",
        "EmailChangeState",
        "EmailPolicy",
        "ExternalIdLinked",
        "ExternalRegistrationFields",
        "LastAdmin",
        "Preferences",
        "RegistrationFields",
        "User",
        "UserFields",
        "UserState",
    ),
)
