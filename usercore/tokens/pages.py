"""Pages of a user's tokens and sources, as a unit reads them."""

from typing import Final, TypeVar

from usercore.kernel.ids import UserId
from usercore.kernel.paging import Page, page_of, read_cursor
from usercore.kernel.secret import Digest
from usercore.kernel.text import refuse
from usercore.kernel.time import to_micros
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import AccessToken, LimitedUseToken, SourceAccess
from usercore.tokens.ports import SourcePlace, TokenPlace, TokensUnit

_SHOWN: Final = 8
"""Bytes of a digest that a cursor has: 64 bits, as public ids have."""

T = TypeVar("T", AccessToken, LimitedUseToken)


def read_token_cursor(cursor: str | None) -> TokenPlace | None:
    """Parse a cursor of a list of tokens; None means the start of the list.

    Raises:
        TypeError: it is not text.
        Invalid: it is not a cursor of such a list.
    """
    place = read_cursor(cursor, int, str)
    if place is None:
        return None
    try:
        start = bytes.fromhex(place[1])
    except ValueError:
        refuse("cursor", "malformed")
    return place[0], Digest(start.ljust(32, b"\xff"))  # behind every digest that begins so


def page_of_access_tokens(unit: TokensUnit, user_id: UserId, after: TokenPlace | None, limit: int) -> Page[AccessToken]:
    """Return a page of a user's access tokens that were not revoked, newest first."""
    return _page_of(unit.access_tokens.list_from(user_id, after, limit=limit + 1), limit)


def page_of_limited_use_tokens(
    unit: TokensUnit, user_id: UserId, kind: TokenKind, after: TokenPlace | None, limit: int
) -> Page[LimitedUseToken]:
    """Return a page of a user's tokens of a kind that were not revoked, newest first."""
    return _page_of(unit.limited_use_tokens.list_from(user_id, kind, after, limit=limit + 1), limit)


def _page_of(found: list[T], limit: int) -> Page[T]:
    return page_of(found, limit, lambda token: (to_micros(token.issued_at), token.digest[:_SHOWN].hex()))


def page_of_source_accesses(
    unit: TokensUnit, user_id: UserId, after: SourcePlace | None, limit: int
) -> Page[SourceAccess]:
    """Return a page of the sources that a user came from, the latest first."""
    found = unit.source_accesses.list_from(user_id, after, limit=limit + 1)
    return page_of(found, limit, lambda access: (to_micros(access.last_accessed_at), access.source))
