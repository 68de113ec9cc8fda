"""Grants of access to products in SQL, beside their users."""

from collections.abc import Sequence
from typing import Final

from usercore.kernel.ids import UserId
from usercore.products.model import ProductGrant
from usercore.products.ports import ProductGrantRepository
from usercore_storage.sql.executor import SIZES, Executor, in_sizes, marks
from usercore_storage.sql.rows import SqlRows
from usercore_storage.sql.tables import PRODUCT_GRANTS

OF_PRODUCTS: Final = {
    size: f"SELECT {PRODUCT_GRANTS.select} FROM usercore_product_grants"
    f" WHERE user_id = ? AND product_id IN ({marks(size)})"
    for size in SIZES
}


class SqlProductGrants(SqlRows[ProductGrant], ProductGrantRepository):
    """Stores grants in the transaction of ``run``."""

    def __init__(self, run: Executor) -> None:
        """Use this transaction."""
        super().__init__(run, PRODUCT_GRANTS)

    def list_of_products(self, user_id: UserId, product_ids: Sequence[str], /) -> list[ProductGrant]:
        return [
            grant for some in in_sizes(product_ids) for grant in self._all(OF_PRODUCTS[len(some)], (user_id, *some))
        ]
