"""The contract of role assignments."""

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.ids import LIMIT, RoleId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.roles.model import RoleAssignment
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, write_and_fail
from usercore.testing.contracts.rows import UserRows, row_cases
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ANN, BOB, ROLE_ASSIGNMENT, a_role_assignment
from usercore.testing.strategies import role_assignments

ROWS = UserRows(
    name="role assignments",
    rules=("T4", "T8"),
    repository=lambda unit: unit.role_assignments,
    key="role_id",
    sample=ROLE_ASSIGNMENT,
    other=a_role_assignment(id=702, version=3, modified_at=NOON),
    edges=[
        RoleAssignment(
            user_id=ANN,
            role_id=RoleId(LIMIT - 1),
            tenant_id=MAIN,
            id=LIMIT - 1,
            created_at=FIRST,
            created_by="operator:" + "😀" * 255,
            modified_at=LAST - TICK,
            modified_by="",
            version=LIMIT - 1,
        ),
    ],
    drawn=role_assignments(),
    keys=tuple(map(RoleId, (1, 2, 10, 1 << 32, LIMIT - 1))),
)


@row_cases(ROWS)
class RoleAssignmentRepositoryContract(Contract):
    """The cases of every user's rows, and one for each other promise of ``RoleAssignmentRepository``."""

    @pytest.mark.rule("T7")
    def test_assignments_of_a_role_are_removed_in_batches(self, people: Units[Unit], acme: Units[Unit]) -> None:
        kept = a_role_assignment(role_id=7)
        ROWS.put(people, ROLE_ASSIGNMENT, a_role_assignment(user_id=BOB), kept)

        def remove(units: Units[Unit], limit: int) -> int:
            return units.write(lambda unit: unit.role_assignments.remove_of_role(ROLE_ASSIGNMENT.role_id, limit=limit))

        write_and_fail(acme, lambda unit: unit.role_assignments.remove_of_role(ROLE_ASSIGNMENT.role_id, limit=9))
        assert len(ROWS.list_of(people)) == 2
        assert [remove(acme, 1) for _ in range(3)] == [1, 1, 0]
        assert (ROWS.list_of(people), ROWS.list_of(people, BOB)) == ([kept], [])
