"""How the record of an attempt is made. Pure."""

from datetime import datetime
from typing import Final
from unicodedata import category

from usercore.attempts.model import (
    LOGIN_LIMIT,
    Attempt,
    AttemptStatus,
    RegistrationAttempt,
    RegistrationStatus,
)
from usercore.kernel.context import Context, printable_prefix
from usercore.kernel.ids import UserId


def login_of(typed: str | None) -> str | None:
    """Return what is stored of a login as typed: its first 254 characters, without those that no storage takes.

    It names the same user as what was typed, so that erasing the user finds it: white space becomes blanks, but for
    that at the ends, and characters that cannot be seen and are ignored in domains are removed.
    """
    if typed is None:
        return None
    text = str.strip(typed)[: 4 * LOGIN_LIMIT]
    if not text.isprintable():
        text = "".join(" " if one.isspace() else one for one in text if category(one) != "Cf")
    return printable_prefix(text, 4 * LOGIN_LIMIT)[:LOGIN_LIMIT]


def attempt_of(
    context: Context,
    status: AttemptStatus,
    *,
    number: int,
    user_id: UserId | None,
    login: str | None,
    authenticator: str | None,
    at: datetime,
) -> Attempt:
    """Return the record of an attempt to sign in."""
    return Attempt(
        user_id=user_id,
        id=number,
        tenant_id=context.tenant_id,
        login=login_of(login),
        status=status,
        authenticator=authenticator,
        source=context.source,
        ip=context.ip,
        user_agent=context.user_agent,
        at=at,
    )


def registration_attempt_of(
    context: Context,
    status: RegistrationStatus,
    *,
    number: int,
    user_id: UserId | None,
    login: str | None,
    at: datetime,
) -> RegistrationAttempt:
    """Return the record of an attempt to register."""
    return RegistrationAttempt(
        user_id=user_id,
        id=number,
        tenant_id=context.tenant_id,
        login=login_of(login),
        status=status,
        source=context.source,
        ip=context.ip,
        user_agent=context.user_agent,
        at=at,
    )


_API: Final = "api"
_OF_API: Final = "api+"


def api_status(status: AttemptStatus, source: str | None) -> AttemptStatus:
    """Return ``api_ok`` for a successful sign-in through an API, or else the status. Source: spec S6; REMP CRM."""
    is_api = source is not None and (source == _API or source.startswith(_OF_API))
    return AttemptStatus.API_OK if is_api and status is AttemptStatus.OK else status


def authenticator_of(source: str | None) -> str | None:
    """Return the authenticator that a source may name: ``NAME`` of ``api+NAME``, else the source. Source: spec S2.

    A name that no authenticator has is a label and narrows nothing.
    """
    return None if source is None else source.removeprefix(_OF_API)
