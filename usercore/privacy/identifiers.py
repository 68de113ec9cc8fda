"""The identifiers that a user has or had: by them, rows without the user's id are found. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from usercore.attempts.rules import login_of
from usercore.history.model import Entry
from usercore.kernel.values import frozen
from usercore.users.keys import email_key, login_key
from usercore.users.model import EmailChange, User

_TEXTS: Final = ("email", "username", "external_id")
"""Fields of users and of their history that name an identifier which the user had. ``new_email`` does not: it was
requested, and may be another user's."""


@frozen(kw_only=True)
class Identifiers:
    """What a user was found by, at any time: keys of emails, and keys of all that may have been typed as a login."""

    emails: frozenset[str]
    logins: frozenset[str]


def identifiers_of(user: User, changes: Iterable[EmailChange], entries: Iterable[Entry]) -> Identifiers:
    """Return the identifiers that a user has or had, from the user's row, changes of the email and history."""
    emails, texts = set[str](), set[str]()
    for values in _sources(user, changes, entries):
        found = [values.get(name) for name in _TEXTS]
        if found[0] is not None:
            emails.add(email_key(found[0]))
        texts.update(text for text in (*found, *(values.get("access_ids") or ())) if text is not None)
    stored = (login_of(text) for text in texts)
    return Identifiers(emails=frozenset(emails), logins=frozenset(login_key(text) for text in stored if text))


def _sources(user: User, changes: Iterable[EmailChange], entries: Iterable[Entry]) -> Iterator[Mapping[str, Any]]:
    """Iterate over values by the names of fields of users."""
    yield {name: getattr(user, name) for name in (*_TEXTS, "access_ids")}
    for change in changes:
        yield {
            "email": change.old_email,
            "external_id": change.old_external_id,
            "access_ids": change.old_access_ids,
        }
        if change.made_at is not None:
            yield {"email": change.new_email}
    for entry in entries:
        yield entry.old
        yield entry.new
