"""The use-cases of products: granting access, revoking it, and asking for it."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Protocol

from usercore.kernel.changes import Change
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.values import frozen
from usercore.products.model import GRANTED, REVOKED, ProductGrant
from usercore.products.ports import ProductsUnit
from usercore.products.rules import (
    check_window,
    clean_bound,
    clean_product_ids,
    covers,
    instant_of,
    is_valid,
)
from usercore.tenants.ports import TenantsUnit
from usercore.tenants.service import get_tenant
from usercore.users.model import UserState
from usercore.users.ports import UsersUnit


class ProductAccessUnit(ProductsUnit, UsersUnit, TenantsUnit, Protocol):
    """What granting access to products and asking for it reads and writes."""


@frozen(kw_only=True)
class Products:
    """Grants users access to products, and answers whether they have it. Trusted. Safe to share between threads.

    Products are the host's own: a call names them by texts of 1 to 255 characters, which are compared exactly.
    """

    _service: ServiceContext[ProductAccessUnit]

    def grant(
        self,
        ref: Reference,
        product_ids: Collection[str],
        from_: datetime | date | None = None,
        until: datetime | date | None = None,
    ) -> tuple[ProductGrant, ...]:
        """Grant a user access to 1 to 1000 products while ``from_ <= now < until``. Return a grant for each of them.

        Without ``from_`` it is valid from now on, without ``until`` for ever. A date is the start of that day in the
        time zone of the tenant. If a grant of the product is valid as long already, nothing changes, and it is
        returned.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or a product id is malformed, there are none or more than 1000, or a bound has no
                zone, is out of range, or ``until`` is not after ``from_``.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        ids = clean_product_ids(product_ids)
        start, end = clean_bound(from_, field="from_"), clean_bound(until, field="until")

        def grant(unit: ProductAccessUnit) -> tuple[ProductGrant, ...]:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            now, time_zone = self._service.clock(), get_tenant(unit, self._service.context.tenant_id).time_zone
            valid_from = now if start is None else instant_of(start, time_zone=time_zone, field="from_")
            valid_until = None if end is None else instant_of(end, time_zone=time_zone, field="until")
            check_window(valid_from, valid_until)
            stored = unit.product_grants.list_of_products(user_id, ids)
            covering = {one.product_id: one for one in stored if covers(one, valid_from, valid_until)}
            grants = []
            for product_id in ids:
                one = covering.get(product_id)
                if one is None:
                    one = ProductGrant(
                        user_id=user_id,
                        id=self._service.new_id(),
                        tenant_id=self._service.context.tenant_id,
                        product_id=product_id,
                        valid_from=valid_from,
                        valid_until=valid_until,
                        granted_at=now,
                        granted_by=str(self._service.context.actor),
                    )
                    unit.product_grants.add(one)
                    unit.record(Change(kind=GRANTED, subject_id=user_id, new=one))
                grants.append(one)
            return tuple(grants)

        return self._service.units.write(grant)

    def revoke(self, ref: Reference, product_ids: Collection[str]) -> bool:
        """Remove all grants of these products from a user; return whether there were any.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or a product id is malformed, or there are none or more than 1000.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        ids = clean_product_ids(product_ids)

        def revoke(unit: ProductAccessUnit) -> bool:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            grants = unit.product_grants.list_of_products(user_id, ids)
            for grant in sorted(grants, key=lambda one: one.id):
                unit.product_grants.remove(user_id, grant.id)
                unit.record(Change(kind=REVOKED, subject_id=user_id, old=grant))
            return bool(grants)

        return self._service.units.write(revoke)

    def has_access(self, ref: Reference, product_ids: Collection[str]) -> bool:
        """Return whether a user has access to any of these products now.

        Users who are not active and users of inactive tenants have access to nothing.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the reference or a product id is malformed, or there are none or more than 1000.
            UserNotFound: no user of this tenant has this reference.
        """
        check_reference(ref)
        ids = clean_product_ids(product_ids)

        def query(unit: ProductAccessUnit) -> bool:
            user_id, now = unit.get_or_raise(ref), self._service.clock()
            if not any(is_valid(one, now) for one in unit.product_grants.list_of_products(user_id, ids)):
                return False
            user = unit.users.get(user_id)
            is_active = user is not None and user.state is UserState.ACTIVE
            return is_active and unit.tenants.is_active(self._service.context.tenant_id)

        return self._service.units.read(query)

    def list(self, ref: Reference) -> tuple[ProductGrant, ...]:
        """Return the grants of a user in the order in which they were made, past and future ones too.

        Raises:
            TypeError: ``ref`` is not a reference.
            UserNotFound: no user of this tenant has this reference.
            Invalid: an identifier of this form cannot exist.
        """
        check_reference(ref)
        return self._service.units.read(lambda unit: tuple(unit.product_grants.list_of(unit.get_or_raise(ref))))
