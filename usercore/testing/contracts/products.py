"""The contract of grants of access to products."""

import pytest

from usercore.kernel.context import MAIN
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.products.model import ProductGrant
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract
from usercore.testing.contracts.rows import UserRows, row_cases
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ANN, BOB
from usercore.testing.strategies import entities


def grant(grant_id: int = 901, product_id: str = "weekly", *, user_id: UserId = ANN, ticks: int = 5) -> ProductGrant:
    """Return a grant from noon on."""
    return ProductGrant(
        user_id=user_id,
        id=grant_id,
        tenant_id=MAIN,
        product_id=product_id,
        valid_from=NOON,
        valid_until=NOON + ticks * TICK,
        granted_at=NOON - TICK,
        granted_by="operator:Zoë",
    )


ROWS = UserRows(
    name="product grants",
    rules=("X1",),
    repository=lambda unit: unit.product_grants,
    key="id",
    sample=grant(),
    other=grant(product_id="daily"),
    edges=[
        ProductGrant(
            user_id=ANN,
            id=LIMIT - 1,
            tenant_id=MAIN,
            product_id="😀" * 255,
            valid_from=FIRST,
            valid_until=LAST - TICK,
            granted_at=FIRST,
            granted_by="",
        ),
        ProductGrant(
            user_id=ANN,
            id=1,
            tenant_id=MAIN,
            product_id="'\"%_\\",
            valid_from=LAST - TICK,
            valid_until=None,
            granted_at=LAST - TICK,
            granted_by="operator:" + "😀" * 255,
        ),
    ],
    drawn=entities(ProductGrant),
    keys=(1, 2, 10, 1 << 32, LIMIT - 1),
)


@row_cases(ROWS)
class ProductGrantRepositoryContract(Contract):
    """One case for each promise of ``ProductGrantRepository`` besides those of all rows of users."""

    @pytest.mark.rule("X1")
    def test_grants_of_some_products_are_found_exactly(self, people: Units[Unit]) -> None:
        products = ("weekly", "Weekly", "weekly ", "daily", "weekly", "ẃeekly")
        several = [grant(number, product_id) for number, product_id in enumerate(products, start=1)]
        ROWS.put(people, *several, grant(7, user_id=BOB))

        def found(*product_ids: str) -> list[int]:
            grants = people.read(lambda unit: unit.product_grants.list_of_products(ANN, product_ids))
            return sorted(one.id for one in grants)

        assert found("weekly") == [1, 5]
        assert found("daily", "weekly", "daily") == [1, 4, 5]
        assert found("monthly", "WEEKLY") == found() == []
        assert found(*map(str, range(600)), "Weekly") == [2]
