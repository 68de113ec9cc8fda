"""Products: the descriptor."""

from typing import Final

from usercore.kernel.capability import Capability
from usercore.products.model import KINDS, ROWS
from usercore.products.ports import ProductsUnit

CAPABILITY: Final = Capability(name="products", unit=ProductsUnit, kinds=KINDS, rows=ROWS, public=("ProductGrant",))
