"""Second factors, recovery codes and challenges, in memory."""

from collections.abc import Sequence
from datetime import datetime

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.second_factors.model import RecoveryCode, SignInChallenge, StoredFactor
from usercore.second_factors.ports import RecoveryCodeRepository, SecondFactorRepository, SignInChallengeRepository
from usercore.storage.recording import RecordingUnit
from usercore.users.model import User
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoDict, UndoLog, oldest


class MemorySecondFactors(MemoryRows[StoredFactor], SecondFactorRepository):
    """Stores factors by user and id."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "id")

    def has_confirmed(self, user_id: UserId, /) -> bool:
        return any(factor.confirmed_at is not None for factor in self.list_of(user_id))

    def accept(self, user_id: UserId, factor_id: int, /, *, step: int, at: datetime) -> bool:
        factor = self.get(user_id, factor_id)
        if factor is None or factor.confirmed_at is None or factor.last_step >= step:
            return False
        self.put(evolve(factor, last_step=step, last_used_at=at))
        return True

    def remove_since(self, user_id: UserId, /, at: datetime) -> list[StoredFactor]:
        removed = [one for one in self.list_of(user_id) if one.confirmed_at is None or one.confirmed_at >= at]
        for factor in removed:
            self.remove(user_id, factor.id)
        return removed


class MemoryRecoveryCodes(MemoryRows[RecoveryCode], RecoveryCodeRepository):
    """Stores recovery codes by user and digest."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "digest")

    def replace_all(self, user_id: UserId, codes: Sequence[RecoveryCode], /) -> None:
        for old in self.list_of(user_id):
            self.remove(user_id, old.digest)
        for code in codes:
            self.add(code)

    def redeem(self, user_id: UserId, digest: Digest, /, *, at: datetime) -> bool:
        code = self.get(user_id, digest)
        if code is None or code.used_at is not None:
            return False
        self.put(evolve(code, used_at=at))
        return True

    def remove_since(self, user_id: UserId, /, at: datetime) -> int:
        removed = [code for code in self.list_of(user_id) if code.created_at >= at]
        for code in removed:
            self.remove(user_id, code.digest)
        return len(removed)


class MemorySignInChallenges(SignInChallengeRepository):
    """Stores challenges by id; a unit sees those of its tenant."""

    def __init__(self, undo: UndoLog, unit: RecordingUnit) -> None:
        self._challenges = UndoDict[int, SignInChallenge](undo)
        self._unit = unit

    def add(self, challenge: SignInChallenge) -> None:
        self._challenges.add(challenge.id, challenge)

    def get(self, challenge_id: int) -> SignInChallenge | None:
        found = self._challenges.get(challenge_id)
        return found if found is not None and found.tenant_id == self._unit.tenant_id else None

    def redeem(self, challenge_id: int, *, at: datetime) -> bool:
        found = self.get(challenge_id)
        if found is None or found.redeemed_at is not None:
            return False
        self._challenges.put(challenge_id, evolve(found, redeemed_at=at))
        return True

    def remove_of_user(self, user_id: UserId) -> None:
        for challenge in self.rows_of(user_id):
            self._challenges.remove(challenge.id)

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        removed = oldest(self._challenges.values(), lambda one: one.expires_at, before=before, limit=limit)
        for challenge in removed:
            self._challenges.remove(challenge.id)
        return len(removed)

    def rows_of(self, user_id: UserId) -> list[SignInChallenge]:
        """Return the user's challenges."""
        return sorted((one for one in self._challenges.values() if one.user_id == user_id), key=lambda one: one.id)

    def remove_user(self, user: User) -> None:
        """Remove the user's challenges."""
        self.remove_of_user(user.id)
