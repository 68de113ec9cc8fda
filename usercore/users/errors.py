"""Errors of changing a user."""

from typing import ClassVar

from usercore.kernel.errors import Rejected


class ExternalIdLinked(Rejected):
    """The user has another external id; an operator unlinks it first."""

    code: ClassVar[str] = "users.external_id_linked"


class LastAdmin(Rejected):
    """The last active admin, or the last one who can sign in, cannot be deactivated or kept from signing in."""

    code: ClassVar[str] = "users.last_admin"


class TooBroad(Rejected):
    """Too many users have a word with the beginning of each word of the query; search for a longer or further word."""

    code: ClassVar[str] = "users.too_broad"
