"""Grants of access to products, and the changes of them that history records."""

from datetime import datetime
from typing import Final

from usercore.kernel.changes import ChangeKind
from usercore.kernel.entity import entity
from usercore.kernel.ids import TenantId, UserId
from usercore.kernel.personal import Erasure, Rows


@entity
class ProductGrant:
    """Access of a user to a product while ``valid_from <= now < valid_until``; None is no end.

    ``product_id`` is the host's own id of a product. A user may have several grants of one product.
    """

    user_id: UserId
    id: int
    tenant_id: TenantId
    product_id: str
    valid_from: datetime
    valid_until: datetime | None = None
    granted_at: datetime
    granted_by: str


_FIELDS: Final = ("product_id", "valid_from", "valid_until")
_ALWAYS: Final = frozenset({"product_id"})

GRANTED: Final = ChangeKind("product.granted", _FIELDS, public=True, always=_ALWAYS)
REVOKED: Final = ChangeKind("product.revoked", _FIELDS, public=True, always=_ALWAYS)

KINDS: Final = (GRANTED, REVOKED)

ROWS: Final = (
    Rows(
        entity=ProductGrant,
        erasure=Erasure.REMOVES,
        user="user_id",
        section="products",
        plain="user_id id tenant_id product_id valid_from valid_until granted_at granted_by",
    ),
)
