"""Second factors and recovery codes in SQL, beside their users, and challenges by their ids."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest
from usercore.kernel.time import to_micros
from usercore.second_factors.model import RecoveryCode, SignInChallenge, StoredFactor
from usercore.second_factors.ports import RecoveryCodeRepository, SecondFactorRepository, SignInChallengeRepository
from usercore.storage.recording import RecordingUnit
from usercore_storage.sql.executor import Executor
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import RECOVERY_CODES, SECOND_FACTORS, SIGN_IN_CHALLENGES

HAS_CONFIRMED: Final = (
    "SELECT id FROM usercore_second_factors WHERE user_id = ? AND confirmed_at IS NOT NULL ORDER BY id LIMIT 1"
)
ACCEPT: Final = (
    "UPDATE usercore_second_factors SET last_step = ?, last_used_at = ?"
    " WHERE user_id = ? AND id = ? AND confirmed_at IS NOT NULL AND last_step < ? RETURNING id"
)
REMOVE_FACTORS_SINCE: Final = (
    "DELETE FROM usercore_second_factors WHERE user_id = ? AND (confirmed_at IS NULL OR confirmed_at >= ?)"
    f" RETURNING {SECOND_FACTORS.select}"
)

REMOVE_CODES: Final = "DELETE FROM usercore_recovery_codes WHERE user_id = ?"
REDEEM_CODE: Final = (
    "UPDATE usercore_recovery_codes SET used_at = ?"
    " WHERE user_id = ? AND digest = ? AND used_at IS NULL RETURNING user_id"
)
REMOVE_CODES_SINCE: Final = (
    "DELETE FROM usercore_recovery_codes WHERE user_id = ? AND created_at >= ? RETURNING user_id"
)

GET_CHALLENGE: Final = (
    f"SELECT {SIGN_IN_CHALLENGES.select} FROM usercore_sign_in_challenges WHERE id = ? AND tenant_id = ?"
)
REDEEM_CHALLENGE: Final = (
    "UPDATE usercore_sign_in_challenges SET redeemed_at = ?"
    " WHERE id = ? AND tenant_id = ? AND redeemed_at IS NULL RETURNING id"
)
REMOVE_CHALLENGES: Final = (
    "DELETE FROM usercore_sign_in_challenges WHERE id IN (SELECT id FROM usercore_sign_in_challenges"
    " WHERE expires_at < ? ORDER BY expires_at LIMIT ?) RETURNING id"
)


class SqlSecondFactors(SqlRows[StoredFactor], SecondFactorRepository):
    """Stores factors in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, SECOND_FACTORS)

    def has_confirmed(self, user_id: UserId, /) -> bool:
        return bool(self._run(HAS_CONFIRMED, (user_id,)))

    def accept(self, user_id: UserId, factor_id: int, /, *, step: int, at: datetime) -> bool:
        return bool(self._run(ACCEPT, (step, to_micros(at), user_id, factor_id, step)))

    def remove_since(self, user_id: UserId, /, at: datetime) -> list[StoredFactor]:
        removed = self._all(REMOVE_FACTORS_SINCE, (user_id, to_micros(at)))
        return sorted(removed, key=lambda factor: factor.id)


class SqlRecoveryCodes(SqlRows[RecoveryCode], RecoveryCodeRepository):
    """Stores recovery codes in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, RECOVERY_CODES)

    def replace_all(self, user_id: UserId, codes: Sequence[RecoveryCode], /) -> None:
        self._run(REMOVE_CODES, (user_id,))
        self._run.many(RECOVERY_CODES.insert, [RECOVERY_CODES.row(code) for code in codes])

    def redeem(self, user_id: UserId, digest: Digest, /, *, at: datetime) -> bool:
        return bool(self._run(REDEEM_CODE, (to_micros(at), user_id, digest)))

    def remove_since(self, user_id: UserId, /, at: datetime) -> int:
        return len(self._run(REMOVE_CODES_SINCE, (user_id, to_micros(at))))


class SqlSignInChallenges(SignInChallengeRepository):
    """Stores challenges in the transaction that ``run`` runs in."""

    def __init__(self, run: Executor, unit: RecordingUnit) -> None:
        """Work for this unit."""
        self._run = run
        self._unit = unit

    def add(self, challenge: SignInChallenge) -> None:
        self._run(SIGN_IN_CHALLENGES.insert, SIGN_IN_CHALLENGES.row(challenge))

    def get(self, challenge_id: int) -> SignInChallenge | None:
        rows = self._run(GET_CHALLENGE, (challenge_id, self._unit.tenant_id))
        return SIGN_IN_CHALLENGES.read(rows[0]) if rows else None

    def redeem(self, challenge_id: int, *, at: datetime) -> bool:
        return bool(self._run(REDEEM_CHALLENGE, (to_micros(at), challenge_id, self._unit.tenant_id)))

    def remove_expired(self, before: datetime, *, limit: int) -> int:
        return len(self._run(REMOVE_CHALLENGES, (to_micros(before), limit)))
