"""What issuing tokens of every kind has in common."""

from typing import Protocol

from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.references import Reference
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import require_active
from usercore.tokens.ports import TokensUnit
from usercore.users.ports import UsersUnit
from usercore.users.rules import check_registered


class SignInTokensUnit(UsersUnit, TokensUnit, TenantsUnit, Protocol):
    """The parts of a unit that issuing needs."""


def lock_holder(unit: SignInTokensUnit, ref: Reference, tenant_id: TenantId) -> UserId:
    """Lock the user who gets a token, and return their id.

    Raises:
        UserNotFound: no user of this tenant has this reference.
        WrongState: the user is unclaimed.
        TenantInactive: the tenant is inactive, so that its users cannot sign in.
    """
    user_id = unit.resolve(ref)
    check_registered(unit.users.lock_state(user_id))
    require_active(unit, tenant_id)
    return user_id
