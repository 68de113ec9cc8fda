"""The life of a request to change an address: ``new``, then ``accepted`` or ``rejected``, once. Pure.

Every transition is in this file; services only look up what it needs and store what it returns.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from usercore.addresses.errors import AddressChangedSince, ChangeRequestWrongState, NothingChanged
from usercore.addresses.model import (
    FIELDS,
    AddressChangeRequest,
    AddressPolicy,
    AddressValues,
    AddressVersion,
    ChangeRequestState,
    StoredAddress,
    StoredChangeRequest,
)
from usercore.addresses.rules import values_of
from usercore.kernel.entity import evolve
from usercore.kernel.errors import NotAllowed

NEXT: Final = {
    ChangeRequestState.NEW: frozenset({ChangeRequestState.ACCEPTED, ChangeRequestState.REJECTED}),
    ChangeRequestState.ACCEPTED: frozenset[ChangeRequestState](),
    ChangeRequestState.REJECTED: frozenset[ChangeRequestState](),
}
"""The states that may follow each state. Source: spec A5."""


def new_request(
    address: StoredAddress,
    replaces: AddressVersion,
    values: AddressValues,
    *,
    request_id: int,
    valid_from: date | None,
    at: datetime,
    by: str,
) -> StoredChangeRequest:
    """Return a request to replace the version ``replaces`` of an address by these values.

    Raises:
        NothingChanged: the version has these values; they are compared exactly.
    """
    if values_of(replaces) == values:
        raise NothingChanged
    return StoredChangeRequest(
        user_id=address.user_id,
        id=request_id,
        tenant_id=address.tenant_id,
        address_id=address.id,
        type=address.type,
        valid_from=valid_from,
        replaces_id=replaces.id,
        requested_at=at,
        requested_by=by,
        **{field: getattr(values, field) for field in FIELDS},
    )


def request_that_added(version: AddressVersion, *, request_id: int) -> StoredChangeRequest:
    """Return the request that an address begins with: it replaces nothing, and its own actor accepted it."""
    return StoredChangeRequest(
        user_id=version.user_id,
        id=request_id,
        tenant_id=version.tenant_id,
        address_id=version.address_id,
        type=version.type,
        state=ChangeRequestState.ACCEPTED,
        valid_from=version.valid_from,
        requested_at=version.created_at,
        requested_by=version.created_by,
        decided_at=version.created_at,
        decided_by=version.created_by,
        version_id=version.id,
        **{field: getattr(version, field) for field in FIELDS},
    )


def check_acceptable(
    request: StoredChangeRequest, address: StoredAddress, held: AddressVersion, *, force: bool
) -> None:
    """Check that a request may be accepted while ``held`` is the version that it would replace.

    Raises:
        AddressChangedSince: it was made to replace another version, and ``force`` is off.
        ChangeRequestWrongState: it was decided before, or its address was removed.
    """
    _check_transition(request, address, ChangeRequestState.ACCEPTED)
    if held.id != request.replaces_id and not force:
        raise AddressChangedSince


def check_rejectable(request: StoredChangeRequest, address: StoredAddress) -> None:
    """Check that a request may be rejected.

    Raises:
        ChangeRequestWrongState: it was decided before, or its address was removed.
    """
    _check_transition(request, address, ChangeRequestState.REJECTED)


def check_decider(request: StoredChangeRequest, by: str, policy: AddressPolicy) -> None:
    """Check that this actor may accept a request.

    Raises:
        NotAllowed: it is the actor's own, and the policy wants another one.
    """
    if not policy.requester_may_accept and request.requested_by == by:
        raise NotAllowed("addresses.accept")


def accepted(
    request: StoredChangeRequest, *, version_id: int, at: datetime, by: str, reason: str | None
) -> StoredChangeRequest:
    """Return the request after its acceptance; the version has its values."""
    return evolve(
        request,
        state=ChangeRequestState.ACCEPTED,
        version_id=version_id,
        decided_at=at,
        decided_by=by,
        reason=reason,
    )


def rejected(request: StoredChangeRequest, *, at: datetime, by: str, reason: str | None) -> StoredChangeRequest:
    """Return the request after its rejection."""
    return evolve(request, state=ChangeRequestState.REJECTED, decided_at=at, decided_by=by, reason=reason)


def _check_transition(request: StoredChangeRequest, address: StoredAddress, state: ChangeRequestState) -> None:
    if state not in NEXT[request.state]:
        raise ChangeRequestWrongState(str(request.state))
    if address.removed_at is not None:
        raise ChangeRequestWrongState("removed")


def shown_request(request: StoredChangeRequest, versions: Sequence[AddressVersion]) -> AddressChangeRequest:
    """Return a request with its old values, which one of these versions has."""
    old = next((version for version in versions if version.id == request.replaces_id), None)
    return AddressChangeRequest(
        id=request.id,
        user_id=request.user_id,
        tenant_id=request.tenant_id,
        address_id=request.address_id,
        type=request.type,
        state=request.state,
        valid_from=request.valid_from,
        old=None if old is None else values_of(old),
        new=values_of(request),
        requested_at=request.requested_at,
        requested_by=request.requested_by,
        decided_at=request.decided_at,
        decided_by=request.decided_by,
        reason=request.reason,
        version_id=request.version_id,
    )
