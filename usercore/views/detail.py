"""Reading everything about a user in one unit, by about twenty statements however much there is."""

from typing import Protocol

from usercore.accounts.status import AccountsUnit, StatusReader
from usercore.address_book.lookups import AddressBookUnit, AddressLookups
from usercore.attempts.model import Attempt
from usercore.attempts.ports import AttemptsUnit
from usercore.groups.ports import GroupsUnit
from usercore.groups.service import joined_groups
from usercore.history.ports import HistoryUnit
from usercore.history.service import page_of_actions, page_of_changes
from usercore.kernel.ids import UserId
from usercore.kernel.paging import Page, page_of
from usercore.kernel.values import frozen
from usercore.meta.model import MetaPolicy
from usercore.meta.ports import MetaUnit
from usercore.meta.service import page_of_meta
from usercore.passwords.model import SET
from usercore.products.ports import ProductsUnit
from usercore.roles.ports import RolesUnit
from usercore.roles.service import held_roles
from usercore.tokens.kinds import TokenKind
from usercore.tokens.pages import page_of_access_tokens, page_of_limited_use_tokens, page_of_source_accesses
from usercore.users.model import User
from usercore.views.model import UserOverview


class ViewsUnit(
    AccountsUnit,
    AttemptsUnit,
    HistoryUnit,
    AddressBookUnit,
    MetaUnit,
    GroupsUnit,
    RolesUnit,
    ProductsUnit,
    Protocol,
):
    """The part of a unit that views read and the action log writes."""


def page_of_attempts(unit: AttemptsUnit, user_id: UserId | None, before: int | None, limit: int) -> Page[Attempt]:
    """Return a page of a user's attempts to sign in, or of those that found no user, newest first."""
    found = unit.attempts.list_of(user_id, before=before, limit=limit + 1)
    return page_of(found, limit, lambda attempt: (attempt.id,))


@frozen(kw_only=True)
class DetailReader:
    """Reads everything about a user inside a unit."""

    _status: StatusReader
    _addresses: AddressLookups
    _meta: MetaPolicy

    def detail_of(self, unit: ViewsUnit, user: User, limit: int) -> UserOverview:
        """Return the user with the first page of each list."""
        return UserOverview(
            user=user,
            status=self._status.status_of(unit, user),
            groups=joined_groups(unit, user.id),
            roles=tuple(held_roles(unit, user.id)),
            products=tuple(unit.product_grants.list_of(user.id)),
            addresses=self._addresses.page(unit, user.id, None, limit),
            meta=page_of_meta(unit, user.id, None, limit, policy=self._meta),
            access_tokens=page_of_access_tokens(unit, user.id, None, limit),
            autologin_tokens=page_of_limited_use_tokens(unit, user.id, TokenKind.AUTOLOGIN, None, limit),
            source_accesses=page_of_source_accesses(unit, user.id, None, limit),
            attempts=page_of_attempts(unit, user.id, None, limit),
            changes=page_of_changes(unit, user.id, None, limit),
            password_changes=page_of_changes(unit, user.id, None, limit, kind=SET),
            actions=page_of_actions(unit, user.id, None, limit),
        )
