"""The contract of role assignments."""

from usercore.kernel.context import MAIN
from usercore.kernel.ids import LIMIT, RoleId
from usercore.kernel.time import FIRST, LAST
from usercore.roles.model import RoleAssignment
from usercore.testing.contracts.base import Contract
from usercore.testing.contracts.rows import UserRows, row_cases
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ANN, ROLE_ASSIGNMENT, a_role_assignment
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
    """The cases of every user's rows."""
