"""The forms of attempts to sign in and of entries of history."""

from typing import Any, Final, TypedDict

from usercore.attempts.model import Attempt
from usercore.forms.form import Audience, Form
from usercore.history.model import Entry
from usercore.history.rules import shown
from usercore.kernel.changes import Subject
from usercore.kernel.context import ActorKind
from usercore.storage import KINDS


class AttemptForm(TypedDict):
    """A try to sign in, as its user sees it: without the login that was typed, perhaps into the wrong field."""

    at: str
    status: str
    authenticator: str | None
    ip: str | None
    user_agent: str | None


class OperatorAttemptForm(AttemptForm):
    """A try to sign in, as operators see it."""

    id: int
    user_id: int | None
    login: str | None
    source: str | None


attempt: Final[Form[Attempt, AttemptForm, OperatorAttemptForm]] = Form(AttemptForm, OperatorAttemptForm)
"""Make the plain data of a try to sign in."""


class EntryForm(TypedDict):
    """A change as its user sees it: what sort of actor made it, and only addresses and sources of their own."""

    kind: str
    at: str
    change_no: int
    position: int
    actor: str
    ip: str | None
    source: str | None
    old: dict[str, Any]
    new: dict[str, Any]


class OperatorEntryForm(EntryForm):
    """A change as operators see it."""

    subject: str
    subject_id: int


def _is_own(value: Entry) -> bool:
    return value.subject is Subject.USER and value.actor == f"{ActorKind.USER}:{value.subject_id}"


def _of_actor(name: str, value: Entry, audience: Audience) -> object:
    return getattr(value, name) if audience == "operator" or _is_own(value) else None


def _shown(value: Entry, audience: Audience) -> Entry:
    return value if audience == "operator" else shown(value, KINDS.get(value.kind))


entry: Final[Form[Entry, EntryForm, OperatorEntryForm]] = Form(
    EntryForm,
    OperatorEntryForm,
    {
        "actor": lambda value, audience: value.actor if audience == "operator" else value.actor.partition(":")[0],
        "ip": lambda value, audience: _of_actor("ip", value, audience),
        "source": lambda value, audience: _of_actor("source", value, audience),
        "old": lambda value, audience: _shown(value, audience).old,
        "new": lambda value, audience: _shown(value, audience).new,
    },
)
"""Make the plain data of an entry of history."""
