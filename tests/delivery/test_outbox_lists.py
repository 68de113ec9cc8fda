"""The lists of deliveries for operators, and the ids by which deliveries are named."""

from typing import Any

import pytest

from tests.services.helpers import refused
from usercore import Delivery, DeliveryNotFound, Invalid, UserCore


def pending(core: UserCore, *names: str) -> list[Delivery]:
    """Register users who are to be welcomed, and return the deliveries."""
    for name in names:
        core.registration.register(f"{name}@example.com")
    return list(core.outbox.pending().rows)


@pytest.mark.rule("X3")
def test_only_deliveries_that_were_set_aside_can_be_retried_or_discarded(core: UserCore) -> None:
    (waiting,) = pending(core, "ann")
    end = "-1-1-mailer"
    wrong = [
        "",
        "user-1-2-3",
        "user-1" + end,
        "user-x" + end,
        f"user-{1 << 80}" + end,
        "user\0-1" + end,
        "user--1" + end,
    ]
    for delivery_id in (waiting.id, *wrong):
        for call in (core.outbox.retry, core.outbox.discard):
            with refused(core, DeliveryNotFound, but=()):
                call(delivery_id)
    with refused(core, TypeError, but=()):
        core.outbox.retry(7)  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("X3")
def test_deliveries_are_listed_in_pages(core: UserCore) -> None:
    everything = pending(core, "ann", "bob", "cid")
    first = core.outbox.pending(limit=2)
    second = core.outbox.pending(limit=2, cursor=first.cursor)
    assert [*first.rows, *second.rows] == everything
    assert (len(first.rows), len(second.rows), second.cursor) == (2, 1, None)


@pytest.mark.rule("X3")
@pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": 1001}, {"cursor": "?"}, {"cursor": "WzEsMl0="}], ids=str)
def test_a_wrong_page_is_refused(core: UserCore, arguments: dict[str, Any]) -> None:
    for call in (core.outbox.pending, core.outbox.failed):
        with refused(core, Invalid, but=()):
            call(**arguments)
