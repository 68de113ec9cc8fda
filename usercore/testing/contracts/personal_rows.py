"""The contract of what belongs to one user in every table: it is listed by its entity, and removed as a whole.

Which tables these are follows from the declarations of rows; a table for which ``ADDS`` has no row fails here.
"""

from collections.abc import Callable
from typing import Any, Final

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.personal import Rows
from usercore.kernel.units import Units
from usercore.storage import ROWS, Unit
from usercore.testing.contracts import addresses, groups, meta, products, role_assignments, second_factors
from usercore.testing.contracts.base import Contract, write_and_fail
from usercore.testing.contracts.passkeys import passkey
from usercore.testing.contracts.remembered_devices import remembered
from usercore.testing.contracts.rows import UserRows
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

SECTIONS: Final[dict[str, Rows]] = {rows.section: rows for rows in ROWS.values() if rows.section is not None}
"""The declared rows of users, by their section in exports. The others, claims and words, repeat the user's own row."""

_BY_KEY: Final[dict[str, UserRows[Any]]] = {
    "addresses": addresses.ADDRESSES,
    "address_versions": addresses.VERSIONS,
    "address_change_requests": addresses.REQUESTS,
    "groups": groups.MEMBERS,
    "meta": meta.ROWS,
    "products": products.ROWS,
    "roles": role_assignments.ROWS,
    "second_factors": second_factors.FACTORS,
}
"""Rows that have a contract of rows by key."""


def _adder(rows: UserRows[Any]) -> Callable[[Unit, UserId], object]:
    return lambda unit, user_id: rows.repository(unit).add(evolve(rows.sample, user_id=user_id))


ADDS: Final[dict[str, Callable[[Unit, UserId], object]]] = {
    "password": lambda unit, user_id: unit.credentials.put(evolve(CREDENTIAL, user_id=user_id)),
    "access_tokens": lambda unit, user_id: unit.access_tokens.add(evolve(ACCESS_TOKEN, user_id=user_id)),
    "source_accesses": lambda unit, user_id: unit.source_accesses.touch(evolve(SOURCE_ACCESS, user_id=user_id)),
    "actions": lambda unit, user_id: unit.actions.add(evolve(ACTION, user_id=user_id)),
    "limited_use_tokens": lambda unit, user_id: unit.limited_use_tokens.add(evolve(LIMITED_USE_TOKEN, user_id=user_id)),
    "attempts": lambda unit, user_id: unit.attempts.add(evolve(ATTEMPT, user_id=user_id, id=user_id)),
    "registration_attempts": lambda unit, user_id: unit.registration_attempts.add(
        evolve(REGISTRATION_ATTEMPT, user_id=user_id, id=user_id)
    ),
    "passkeys": lambda unit, user_id: unit.passkeys.add(passkey(user_id=user_id, credential_id=bytes([user_id % 256]))),
    "sign_in_challenges": lambda unit, user_id: unit.sign_in_challenges.add(
        evolve(CHALLENGE, id=user_id, user_id=user_id)
    ),
    "recovery_codes": lambda unit, user_id: unit.recovery_codes.replace_all(user_id, [code("1", user_id=user_id)]),
    "remembered_devices": lambda unit, user_id: unit.remembered_devices.put(remembered(user_id=user_id)),
    "email_changes": lambda unit, user_id: unit.email_changes.add(evolve(EMAIL_CHANGE, user_id=user_id)),
    **{section: _adder(rows) for section, rows in _BY_KEY.items()},
}
"""How a row of a user is stored in each table."""


def rows_of(unit: Unit, user_id: UserId) -> dict[str, list[Any]]:
    """Return what is stored of a user, by section; those without a row of the user are left out."""
    found: dict[str, list[Any]] = {
        section: unit.personal_rows.list_of(rows.entity, user_id) for section, rows in SECTIONS.items()
    }
    return {section: rows for section, rows in found.items() if rows}


def fill(unit: Unit, *user_ids: UserId) -> None:
    """Store a row of each of these users in every table."""
    for user_id in user_ids:
        unit.lock(user_id)
        for add in ADDS.values():
            add(unit, user_id)


def remove(unit: Unit) -> None:
    """Remove the rows of Ann."""
    unit.users.remove_rows(unit.users.lock(ANN))


class PersonalRowsContract(Contract):
    """What exporting and erasing a user rely on."""

    @pytest.mark.rule("X5", "X6")
    def test_the_rows_of_a_user_are_listed_by_their_entity(self, people: Units[Unit]) -> None:
        assert ADDS.keys() == SECTIONS.keys(), "ADDS need a row of each section"
        people.write(lambda unit: fill(unit, ANN, BOB))
        for section, rows in people.read(lambda unit: rows_of(unit, ANN)).items():
            declared = SECTIONS[section]
            assert [(type(row), getattr(row, str(declared.user))) for row in rows] == [(declared.entity, ANN)]
        assert people.read(lambda unit: rows_of(unit, ANN)).keys() == SECTIONS.keys()

    @pytest.mark.rule("X5")
    def test_rows_are_listed_in_the_order_of_their_keys(self, people: Units[Unit]) -> None:
        attempts = [evolve(ATTEMPT, user_id=ANN, id=number) for number in (3, 1, 2)]
        people.write(lambda unit: [unit.attempts.add(attempt) for attempt in attempts])
        found = people.read(lambda unit: unit.personal_rows.list_of(type(ATTEMPT), ANN))
        assert [attempt.id for attempt in found] == [1, 2, 3]

    @pytest.mark.rule("T7", "X6")
    def test_all_rows_of_a_user_are_removed_and_no_others(self, people: Units[Unit]) -> None:
        people.write(lambda unit: fill(unit, ANN, BOB))
        before = people.read(lambda unit: rows_of(unit, BOB))
        assert before.keys() == SECTIONS.keys()
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
