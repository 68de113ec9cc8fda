"""Subscribers: functions of the host, or of usercore, that are called with changes."""

import threading
from collections.abc import Callable, Iterable, Mapping

import attrs

from usercore.history.model import Entry
from usercore.history.rules import shown
from usercore.kernel.callables import check_result
from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import entity
from usercore.kernel.log import log
from usercore.kernel.values import frozen
from usercore.outbox.model import Delivery


@entity
class Event:
    """A change, as a subscriber gets it. ``delivery`` is None for subscribers that are not durable.

    Fields for operators only, such as a user's note, are left out of the entry; ``history.of_user`` returns them.
    """

    entry: Entry
    delivery: Delivery | None = None


def event_of(entry: Entry, kinds: Mapping[str, ChangeKind], delivery: Delivery | None = None) -> Event:
    """Return the event of an entry, without what only operators see. Source: spec U1, M6."""
    return Event(entry=shown(entry, kinds.get(entry.kind)), delivery=delivery)


def _frozen(kinds: Iterable[str]) -> frozenset[str]:
    if isinstance(kinds, str):
        msg = f"a subscriber's kinds must be several texts, not the text {kinds!r}"
        raise TypeError(msg)
    return frozenset(kinds)


@frozen(kw_only=True)
class Subscriber:
    """A function that is called with changes of these kinds, such as ``user.registered``.

    A durable subscriber is called by ``outbox.deliver()`` or a relay, at least once, and again if ``handle`` raises.
    Another one is called once, after the commit, in the thread of the caller; what it raises is logged and ignored.
    ``handle`` is a plain function. A ``KeyboardInterrupt`` in the main thread reaches the caller; a durable delivery is
    then due again when its lease ends.
    """

    name: str
    kinds: frozenset[str] = attrs.field(converter=_frozen)
    handle: Callable[[Event], object]
    durable: bool = True


def notify(subscriber: Subscriber, event: Event) -> str | None:
    """Call a subscriber; log what it raises and return the name of its class, or None if it returned.

    Every exception counts as a failure of the subscriber, ``SystemExit`` too: otherwise a relay's thread would end
    silently, and a caller would take a committed change for failed. Only ``KeyboardInterrupt`` in the main thread, the
    user's Ctrl-C, reaches the caller.

    Raises:
        KeyboardInterrupt: it was raised in the main thread.
    """
    try:
        check_result(subscriber.handle(event), name=f"what the subscriber {subscriber.name!r} returned")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise
        log().exception("the subscriber %s failed on %s", subscriber.name, event.entry.kind)
        return type(error).__name__
    return None
