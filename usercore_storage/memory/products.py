"""Grants of access to products, in memory."""

from collections.abc import Sequence

from usercore.kernel.ids import UserId
from usercore.products.model import ProductGrant
from usercore.products.ports import ProductGrantRepository
from usercore_storage.memory.rows import MemoryRows
from usercore_storage.memory.undo_dict import UndoLog


class MemoryProductGrants(MemoryRows[ProductGrant], ProductGrantRepository):
    """Stores grants by user and id."""

    def __init__(self, undo: UndoLog) -> None:
        super().__init__(undo, "id")

    def list_of_products(self, user_id: UserId, product_ids: Sequence[str], /) -> list[ProductGrant]:
        wanted = frozenset(product_ids)
        return [grant for grant in self._rows.of(user_id) if grant.product_id in wanted]
