"""Samples of the service of products."""

from datetime import date
from typing import Final

from tests.samples import FilledStore, Samples, same
from usercore.products.model import ProductGrant


def fill(filled: FilledStore) -> None:
    """Grant a product."""
    filled.core.products.grant(filled.ann.id, ["weekly"])


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "from_": same(date(2026, 1, 1)),
        "product_ids": same(["weekly"]),
        "products.grant.product_ids": same(["daily"]),
        "until": same(date(2027, 1, 1)),
    },
    kept_by_undo={
        ProductGrant: "granted by the host",
    },
)
