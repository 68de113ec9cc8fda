"""The life of a request: every transition, what counts as a change, and who may accept."""

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usercore.addresses.change_requests import (
    accepted,
    check_acceptable,
    check_decider,
    check_rejectable,
    new_request,
    rejected,
    request_that_added,
    shown_request,
)
from usercore.addresses.errors import AddressChangedSince, ChangeRequestWrongState, NothingChanged
from usercore.addresses.model import (
    FIELDS,
    AddressPolicy,
    AddressValues,
    ChangeRequestState,
    StoredChangeRequest,
)
from usercore.addresses.rules import values_of
from usercore.kernel.entity import evolve
from usercore.kernel.errors import NotAllowed
from usercore.testing import NOON
from usercore.testing.contracts.addresses import DAY, a_request, a_version, an_address, decided
from usercore.testing.strategies import entities


def requested(values: AddressValues) -> StoredChangeRequest:
    """Return a request to give an address these values."""
    return new_request(an_address(), a_version(), values, request_id=9, valid_from=DAY, at=NOON, by="user:101")


@pytest.mark.rule("A4")
@given(entities(AddressValues))
def test_a_request_has_the_new_values_and_names_the_version_with_the_old_ones(values: AddressValues) -> None:
    request = requested(values)
    assert values_of(request) == values
    assert (request.id, request.address_id, request.replaces_id) == (9, 601, 601)
    assert (request.state, request.requested_at, request.requested_by) == (ChangeRequestState.NEW, NOON, "user:101")
    assert (request.decided_at, request.decided_by, request.reason, request.version_id) == (None,) * 4
    view = shown_request(request, [a_version(600), a_version()])
    assert (view.old, view.new) == (values_of(a_version()), values)


@pytest.mark.rule("A4")
def test_equal_values_change_nothing() -> None:
    with pytest.raises(NothingChanged):
        requested(values_of(a_version()))


@pytest.mark.rule("A4")
@given(st.sampled_from(FIELDS), st.none() | st.text(min_size=1, max_size=5))
def test_one_value_that_differs_is_a_change(field: str, text: str | None) -> None:
    assert getattr(requested(evolve(values_of(a_version()), **{field: text})), field) == text


@pytest.mark.rule("A5")
@pytest.mark.parametrize("is_removed", [False, True])
@pytest.mark.parametrize("state", ChangeRequestState)
@pytest.mark.parametrize("action", ["accept", "force", "reject"])
def test_only_a_new_request_of_a_present_address_can_be_decided(
    state: ChangeRequestState, action: str, *, is_removed: bool
) -> None:
    request = a_request() if state is ChangeRequestState.NEW else decided(a_request(), state)
    address = evolve(an_address(), removed_at=NOON if is_removed else None)
    is_possible = state is ChangeRequestState.NEW and not is_removed
    expected: AbstractContextManager[Any] = nullcontext() if is_possible else pytest.raises(ChangeRequestWrongState)
    with expected as refusal:
        if action == "reject":
            check_rejectable(request, address)
        else:
            check_acceptable(request, address, a_version(), force=action == "force")
    if refusal is not None:
        assert refusal.value.state == ("removed" if state is ChangeRequestState.NEW else state)


@pytest.mark.rule("A5")
def test_a_request_is_not_accepted_after_its_address_changed_unless_it_is_forced() -> None:
    with pytest.raises(AddressChangedSince):
        check_acceptable(a_request(), an_address(), a_version(602), force=False)
    check_acceptable(a_request(), an_address(), a_version(602), force=True)
    check_acceptable(a_request(), an_address(), evolve(a_version(), valid_until=DAY), force=False)


@pytest.mark.rule("A5")
def test_a_decision_is_kept_with_its_actor_its_time_and_its_reason() -> None:
    later = NOON + timedelta(1)
    yes = accepted(a_request(), version_id=7, at=later, by="operator:Zoë", reason="called")
    no = rejected(a_request(), at=later, by="host", reason=None)
    assert (yes.state, yes.version_id, yes.decided_at, yes.decided_by, yes.reason) == (
        ChangeRequestState.ACCEPTED,
        7,
        later,
        "operator:Zoë",
        "called",
    )
    assert (no.state, no.version_id, no.decided_at, no.decided_by, no.reason) == (
        ChangeRequestState.REJECTED,
        None,
        later,
        "host",
        None,
    )
    assert values_of(yes) == values_of(no) == values_of(a_request())


@pytest.mark.rule("A5")
@pytest.mark.parametrize(
    ("may_accept", "by", "is_refused"),
    [(True, "user:101", False), (False, "user:101", True), (False, "user:10", False), (False, "host", False)],
)
def test_the_policy_may_want_another_actor_than_the_requester(
    may_accept: bool,  # noqa: FBT001 - a parameter of the case
    by: str,
    is_refused: bool,  # noqa: FBT001 - as above
) -> None:
    with pytest.raises(NotAllowed) if is_refused else nullcontext():
        check_decider(a_request(), by, AddressPolicy(requester_may_accept=may_accept))
    assert AddressPolicy().requester_may_accept


@pytest.mark.rule("A3")
def test_an_address_begins_with_a_request_without_old_values_that_its_own_actor_accepted() -> None:
    version = a_version()
    request = request_that_added(version, request_id=9)
    assert (request.state, request.replaces_id, request.version_id) == (ChangeRequestState.ACCEPTED, None, version.id)
    assert request.requested_by == request.decided_by == version.created_by
    assert request.requested_at == request.decided_at == version.created_at
    assert shown_request(request, [version]).old is None
    assert values_of(request) == values_of(version)
