"""The use-case of claiming: two users are locked, and what one has moves to the other."""

from datetime import datetime

from usercore.claiming.moves import MOVES, ClaimingUnit, Moving
from usercore.claiming.rules import check_claimable, joined_notes
from usercore.kernel.changes import Change, ChangeKind
from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.time import FIRST
from usercore.kernel.values import frozen
from usercore.passkeys.service import remove_passkeys_since
from usercore.second_factors.service import remove_factors_since
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.pairing import LockedDevice, lock_device, pair
from usercore.tokens.service import revoke_all
from usercore.users.model import CLAIMED, CLAIMED_AWAY, Claiming, User, UserState


@frozen(kw_only=True)
class ClaimingSteps:
    """Moves what unclaimed users have to the users who claim it."""

    _service: ServiceContext[ClaimingUnit]

    def claim(self, unclaimed: Reference, user: Reference, device: Secret | None) -> User:
        """Move what the unclaimed user has; see ``Registrations.claim``."""
        check_reference(unclaimed)
        check_reference(user)

        def claim(unit: ClaimingUnit) -> User:
            at, by = self._service.clock(), str(self._service.context.actor)
            source_id, target_id = unit.resolve(unclaimed), unit.resolve(user)
            locked = None if device is None else lock_device(unit, device, target_id, at=at, also=source_id)
            claimed = claim_user(unit, source_id, target_id, at=at, by=by)
            if locked is not None:
                _pair(unit, target_id, locked)
            return claimed

        return self._service.units.write(claim)


def claim_user(unit: ClaimingUnit, unclaimed: UserId, user: UserId, *, at: datetime, by: str) -> User:
    """Lock both users, move what the unclaimed one has, deactivate it, and return the other as it is now.

    Raises:
        UserNotFound: one of them does not exist.
        WrongState: the one is not unclaimed, or the other not active.
        Invalid: their notes are too long together.
    """
    users = {one: unit.users.lock(one) for one in sorted({unclaimed, user})}
    source, target = users[unclaimed], users[user]
    check_claimable(source, target)
    note = joined_notes(target.note, source.note)
    for move in MOVES.values():
        move(unit, Moving(source=source, target=target, at=at))
    _end(unit, source, at=at)
    _replace(unit, source, evolve(source, state=UserState.DEACTIVATED, note=None), CLAIMED_AWAY, user, at=at, by=by)
    return _replace(unit, target, evolve(target, note=note), CLAIMED, unclaimed, at=at, by=by)


def _replace(
    unit: ClaimingUnit, old: User, new: User, kind: ChangeKind, other_id: UserId, *, at: datetime, by: str
) -> User:
    """Store the next state of a user if it differs, and record one side of the claiming in any case."""
    stored = old if new == old else evolve(new, version=old.version + 1, modified_at=at, modified_by=by)
    if stored is not old:
        unit.users.replace(stored)
    before, after = (Claiming(other_id=other_id, state=one.state, note=one.note) for one in (old, stored))
    unit.record(Change(kind=kind, subject_id=old.id, old=before, new=after))
    return stored


def _end(unit: ClaimingUnit, source: User, *, at: datetime) -> None:
    """End everything by which the unclaimed user might sign in. Source: spec K9."""
    revoke_all(unit, source.id, RevocationReason.CLAIMED_AWAY, at=at)
    reason = str(RevocationReason.CLAIMED_AWAY)
    remove_passkeys_since(unit, source.id, FIRST, reason=reason, recipient=source.email)
    remove_factors_since(unit, source.id, FIRST, reason=reason, recipient=source.email)


def _pair(unit: ClaimingUnit, user_id: UserId, device: LockedDevice) -> None:
    """Pair the access token that the user used last with the device, if there is one that is valid."""
    tokens = unit.access_tokens.list_of(user_id)
    valid = [one for one in tokens if one.revoked_at is None and device.at < one.expires_at]
    if valid:
        pair(unit, max(valid, key=lambda one: one.last_used_at), device)
