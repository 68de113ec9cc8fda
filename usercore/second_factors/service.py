"""Steps of use-cases that involve second factors."""

from datetime import datetime

from usercore.kernel.changes import Change
from usercore.kernel.ids import UserId
from usercore.second_factors.model import REMOVED, FactorRemoval, StoredFactor
from usercore.second_factors.ports import SecondFactorsUnit


def remove_factor(unit: SecondFactorsUnit, factor: StoredFactor, *, reason: str | None, recipient: str | None) -> None:
    """Remove a factor of a locked user, and record it. With the last one the recovery codes go.

    ``recipient`` is the user's email, which is told.
    """
    unit.second_factors.remove(factor.user_id, factor.id)
    _finish_removal(unit, factor, reason, recipient)


def remove_factors_since(
    unit: SecondFactorsUnit, user_id: UserId, since: datetime, *, reason: str, recipient: str | None
) -> None:
    """Remove the factors and recovery codes that a locked user has made at or after an instant. Source: spec K9."""
    for factor in unit.second_factors.remove_since(user_id, since):
        if factor.confirmed_at is not None:
            _finish_removal(unit, factor, reason, recipient)
    unit.recovery_codes.remove_since(user_id, since)


def _finish_removal(unit: SecondFactorsUnit, factor: StoredFactor, reason: str | None, recipient: str | None) -> None:
    if not unit.second_factors.has_confirmed(factor.user_id):
        unit.recovery_codes.replace_all(factor.user_id, ())
    removal = FactorRemoval(factor_id=factor.id, name=factor.name, reason=reason)
    unit.record(Change(kind=REMOVED, subject_id=factor.user_id, old=removal, recipient=recipient))
