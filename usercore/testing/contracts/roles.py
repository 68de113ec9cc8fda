"""The contract of roles."""

import pytest

from usercore.kernel.ids import LIMIT
from usercore.kernel.text import unique_key
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.roles.errors import RoleNotFound
from usercore.roles.model import Role
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract
from usercore.testing.contracts.named import NAMES, NamedRows, named_cases
from usercore.testing.contracts.rows import check_pages
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ROLE, a_role
from usercore.testing.strategies import roles

ROWS = NamedRows(
    name="roles",
    rules=("T2", "T4", "T7", "T8"),
    repository=lambda unit: unit.roles,
    sample=ROLE,
    edges=[
        a_role(
            id=LIMIT - 1,
            name="numbers",
            created_at=FIRST,
            modified_at=LAST - TICK,
            version=LIMIT - 1,
            change_no=LIMIT - 1,
        ),
        a_role(id=11, name="😀" * 256, active=False, privileged=False, permissions=()),
        a_role(id=12, name="permissions", permissions=("", "null", '"],["', "p" * 255, *map(str, range(996)))),
    ],
    drawn=roles(),
    not_found=RoleNotFound,
)


def listed(units: Units[Unit], *, active: bool | None = None) -> list[Role]:
    """Return all roles of the tenant, in pages of different sizes."""
    rows = units.read(lambda unit: unit.roles.list_from(None, active=active, limit=1000))
    check_pages(
        units,
        lambda unit, after, limit: unit.roles.list_from(after, active=active, limit=limit),
        place_of=lambda role: unique_key(role.name),
        expected=rows,
    )
    return rows


@named_cases(ROWS)
class RoleRepositoryContract(Contract):
    """One case for each promise of ``RoleRepository``."""

    @pytest.mark.rule("T4")
    def test_roles_are_listed_by_the_key_of_their_name(self, main: Units[Unit]) -> None:
        several = [ROWS.numbered(number, name=name) for number, name in enumerate(NAMES, start=11)]
        ROWS.add(main, *several)
        assert listed(main) == sorted(several, key=lambda role: unique_key(role.name))

    @pytest.mark.rule("T2", "T4", "T7")
    def test_roles_of_the_tenant_are_listed_by_being_active(self, main: Units[Unit], acme: Units[Unit]) -> None:
        several = [ROWS.numbered(number, active=number % 2 == 0) for number in range(11, 17)]
        ROWS.add(main, *several, ROLE)
        ROWS.add(acme, ROWS.numbered(17, tenant_id=ACME))
        ROWS.change(main, deleted_at=NOON)
        assert listed(main) == several
        assert listed(main, active=True) == several[1::2]
        assert listed(main, active=False) == several[::2]
