"""Steps of every change of a password."""

from typing import Protocol

from usercore.passwords.ports import PasswordsUnit
from usercore.tenants.ports import TenantsUnit
from usercore.throttling.keys import CounterKeys
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.ports import TokensUnit
from usercore.users.model import User
from usercore.users.ports import UsersUnit


class PasswordChangeUnit(UsersUnit, TenantsUnit, PasswordsUnit, TokensUnit, ThrottlingUnit, Protocol):
    """What changing a password reads and writes."""


def reset_failures(unit: PasswordChangeUnit, user: User, keys: CounterKeys) -> None:
    """Forget the failures and wrong passwords of a locked user, so that nothing waits and no password is void."""
    account = keys.account(user.tenant_id, user.id)
    for counter in unit.failure_counters.get_many([account]):
        unit.failure_counters.reset(account, up_to=counter.tried)
