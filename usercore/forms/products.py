"""The form of products that were granted."""

from typing import Final, TypedDict

from usercore.forms.form import Form
from usercore.products.model import ProductGrant


class ProductGrantForm(TypedDict):
    """Access to a product as its user sees it; without ``valid_until`` it has no end."""

    product_id: str
    valid_from: str
    valid_until: str | None


class OperatorProductGrantForm(ProductGrantForm):
    """Access to a product as operators see it."""

    user_id: int
    id: int
    granted_at: str
    granted_by: str


product_grant: Final[Form[ProductGrant, ProductGrantForm, OperatorProductGrantForm]] = Form(
    ProductGrantForm, OperatorProductGrantForm
)
"""Make the plain data of access to a product."""
