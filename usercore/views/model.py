"""Everything about a user that an operator's page shows, as one value."""

from usercore.addresses.model import Address
from usercore.attempts.model import Attempt
from usercore.groups.model import JoinedGroup
from usercore.history.model import Action, Entry
from usercore.kernel.paging import Page
from usercore.kernel.values import frozen
from usercore.meta.model import MetaValue
from usercore.products.model import ProductGrant
from usercore.roles.model import HeldRole
from usercore.tokens.model import AccessToken, LimitedUseToken, SourceAccess
from usercore.users.model import AccountStatus, User


@frozen(kw_only=True)
class UserOverview:
    """A user with the status of the account and the first page of each list, all of one moment.

    Groups, roles and products are whole lists, in the order of ``groups.of_user``, ``roles.of_user`` and
    ``products.list``. The cursor of a page continues it in the call that lists the same: ``addresses.list``,
    ``meta.list``, ``access_tokens.list``, ``autologin_tokens.list``, and for ``changes`` ``history.of_user``, for the
    others the method of ``history`` with the name of the field.
    """

    user: User
    status: AccountStatus
    groups: tuple[JoinedGroup, ...]
    roles: tuple[HeldRole, ...]
    products: tuple[ProductGrant, ...]
    addresses: Page[Address]
    meta: Page[MetaValue]
    access_tokens: Page[AccessToken]
    autologin_tokens: Page[LimitedUseToken]
    source_accesses: Page[SourceAccess]
    attempts: Page[Attempt]
    changes: Page[Entry]
    password_changes: Page[Entry]
    actions: Page[Action]
