"""Which changes of emails are open, and which former addresses are held for them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore import EmailChange, EmailChangeState
from usercore.testing import NOON, TICK
from usercore.testing.samples import USER, a_user, an_email_change
from usercore.testing.strategies import emails, entities, instants
from usercore.users.emails import clean_email
from usercore.users.keys import email_key
from usercore.users.rules import closed, holds_of, is_open, new_change

CHANGES = entities(EmailChange, old_email=st.none() | emails().map(clean_email))
OPEN = (EmailChangeState.REQUESTED, EmailChangeState.MADE)


@pytest.mark.rule("E2", "E3")
@pytest.mark.parametrize("state", EmailChangeState)
def test_a_change_is_open_until_an_instant_if_it_was_neither_undone_nor_cancelled(state: EmailChangeState) -> None:
    change = an_email_change(state=state, open_until=NOON)
    assert [is_open(change, now) for now in (NOON - TICK, NOON)] == [state in OPEN, False]


@pytest.mark.rule("E3")
@given(st.lists(CHANGES, max_size=6), instants())
def test_exactly_the_former_addresses_that_can_be_restored_are_held(changes: list[EmailChange], now: datetime) -> None:
    holds = holds_of(changes, now)
    for key, until in holds.items():
        reasons = [
            change.open_until
            for change in changes
            if change.state is EmailChangeState.MADE and change.old_email and email_key(change.old_email) == key
        ]
        assert until == max(reasons) > now
    restorable = [change for change in changes if change.state is EmailChangeState.MADE and is_open(change, now)]
    assert holds.keys() == {email_key(change.old_email) for change in restorable if change.old_email}


@pytest.mark.rule("E3")
@given(CHANGES, st.sampled_from([EmailChangeState.UNDONE, EmailChangeState.CANCELLED]), instants(), instants())
def test_a_closed_change_is_never_open_and_holds_nothing(
    change: EmailChange, state: EmailChangeState, at: datetime, now: datetime
) -> None:
    done = closed(change, state, at)
    assert (is_open(done, now), holds_of([done], now), done.number) == (False, {}, change.number)


@pytest.mark.rule("E3")
def test_a_new_change_has_what_an_undo_restores_and_the_number_of_the_unit() -> None:
    user = a_user(change_no=7)
    change = new_change(user, "lee@example.com", state=EmailChangeState.MADE, at=NOON, until=NOON + TICK)
    assert (change.old_email, change.old_verified_at) == (USER.email, USER.email_verified_at)
    assert (change.old_external_id, change.old_access_ids) == (USER.external_id, USER.access_ids)
    assert (change.number, change.made_at, change.requested_at) == (7, NOON, NOON)
    requested = new_change(user, "lee@example.com", state=EmailChangeState.REQUESTED, at=NOON, until=NOON + TICK)
    assert requested.made_at is None
