"""The contract of what belongs to one user in every table."""

from collections.abc import Callable
from typing import Final

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts import groups, meta, products, role_assignments, second_factors
from usercore.testing.contracts.base import Contract, write_and_fail
from usercore.testing.contracts.passkeys import passkey
from usercore.testing.contracts.second_factors import CHALLENGE, code
from usercore.testing.samples import (
    ACCESS_TOKEN,
    ACTION,
    ANN,
    ATTEMPT,
    BOB,
    CREDENTIAL,
    EMAIL_CHANGE,
    LIMITED_USE_TOKEN,
    REGISTRATION_ATTEMPT,
    SOURCE_ACCESS,
)

ROWS: Final = (
    groups.MEMBERS,
    meta.ROWS,
    products.ROWS,
    role_assignments.ROWS,
    second_factors.FACTORS,
)
"""Rows of users that have a contract for such rows."""


OTHERS: Final[dict[str, tuple[Callable[[Unit, UserId], object], Callable[[Unit, UserId], object]]]] = {
    "credentials": (
        lambda unit, user_id: unit.credentials.put(evolve(CREDENTIAL, user_id=user_id)),
        lambda unit, user_id: unit.credentials.get(user_id),
    ),
    "access tokens": (
        lambda unit, user_id: unit.access_tokens.add(evolve(ACCESS_TOKEN, user_id=user_id)),
        lambda unit, user_id: unit.access_tokens.list_of(user_id),
    ),
    "source accesses": (
        lambda unit, user_id: unit.source_accesses.touch(evolve(SOURCE_ACCESS, user_id=user_id)),
        lambda unit, user_id: unit.source_accesses.list_from(user_id, None, limit=9),
    ),
    "actions": (
        lambda unit, user_id: unit.actions.add(evolve(ACTION, user_id=user_id)),
        lambda unit, user_id: unit.actions.list_before(None, user_id=user_id, action=None, limit=9),
    ),
    "limited use tokens": (
        lambda unit, user_id: unit.limited_use_tokens.add(evolve(LIMITED_USE_TOKEN, user_id=user_id)),
        lambda unit, user_id: unit.limited_use_tokens.get(user_id, LIMITED_USE_TOKEN.digest),
    ),
    "attempts": (
        lambda unit, user_id: unit.attempts.add(evolve(ATTEMPT, user_id=user_id, id=user_id)),
        lambda unit, user_id: unit.attempts.list_of(user_id, before=None, limit=9),
    ),
    "registration attempts": (
        lambda unit, user_id: unit.registration_attempts.add(evolve(REGISTRATION_ATTEMPT, user_id=user_id, id=user_id)),
        lambda unit, user_id: unit.registration_attempts.list_of(user_id, before=None, limit=9),
    ),
    "passkeys": (
        lambda unit, user_id: unit.passkeys.add(passkey(user_id=user_id, credential_id=bytes([user_id % 256]))),
        lambda unit, user_id: unit.passkeys.list_of(user_id),
    ),
    "challenges": (
        lambda unit, user_id: unit.sign_in_challenges.add(evolve(CHALLENGE, id=user_id, user_id=user_id)),
        lambda unit, user_id: unit.sign_in_challenges.get(user_id),
    ),
    "recovery codes": (
        lambda unit, user_id: unit.recovery_codes.replace_all(user_id, [code("first", user_id=user_id)]),
        lambda unit, user_id: unit.recovery_codes.list_of(user_id),
    ),
    "email changes": (
        lambda unit, user_id: unit.email_changes.add(evolve(EMAIL_CHANGE, user_id=user_id)),
        lambda unit, user_id: unit.email_changes.list_of(user_id),
    ),
}
"""How a row of a user is stored in the other tables, and what is read of it."""


def rows_of(unit: Unit, user_id: UserId) -> dict[str, object]:
    """Return what is stored of a user, by what it is; tables without a row of the user are left out."""
    found: dict[str, object] = {rows.name: rows.repository(unit).list_of(user_id) for rows in ROWS}
    found |= {name: read(unit, user_id) for name, (_, read) in OTHERS.items()}
    return {name: value for name, value in found.items() if value}


def fill(unit: Unit, *user_ids: UserId) -> None:
    """Store a row of each of these users in every table."""
    for user_id in user_ids:
        unit.lock(user_id)
        for rows in ROWS:
            rows.repository(unit).add(evolve(rows.sample, user_id=user_id))
        for add, _ in OTHERS.values():
            add(unit, user_id)


def remove(unit: Unit) -> None:
    """Remove the rows of Ann."""
    unit.users.remove_rows(unit.users.lock(ANN))


class PersonalRowsContract(Contract):
    """What erasing a user relies on."""

    @pytest.mark.rule("T7", "X6")
    def test_all_rows_of_a_user_are_removed_and_no_others(self, people: Units[Unit]) -> None:
        people.write(lambda unit: fill(unit, ANN, BOB))
        before = people.read(lambda unit: rows_of(unit, BOB))
        assert len(before) == len(ROWS) + len(OTHERS)
        write_and_fail(people, remove)
        assert people.read(lambda unit: rows_of(unit, ANN)).keys() == before.keys()
        people.write(remove)
        assert people.read(lambda unit: rows_of(unit, ANN)) == {}
        assert people.read(lambda unit: rows_of(unit, BOB)) == before

    @pytest.mark.rule("T7", "X6")
    def test_removed_rows_are_found_by_no_other_key_and_can_be_stored_again(self, people: Units[Unit]) -> None:
        people.write(lambda unit: fill(unit, ANN))
        people.write(remove)
        assert people.read(lambda unit: unit.passkeys.get(bytes([ANN]))) is None
        assert groups.members_of(people) == []
        assert meta.holders(people) == []
        people.write(lambda unit: fill(unit, ANN))
