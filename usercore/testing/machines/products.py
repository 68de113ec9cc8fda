"""Products: whatever is granted and revoked as the time passes, a list of spans tells who has access."""

from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from usercore.kernel.errors import Invalid
from usercore.testing.machines.base import StateMachine

ZONE: Final = ZoneInfo("America/Havana")
"""Its summer time begins and ends at midnight."""

WHOM: Final = st.integers(0, 1)
PRODUCTS: Final = st.lists(st.sampled_from(("daily", "weekly")), min_size=1, max_size=2, unique=True)
HOURS: Final = st.none() | st.integers(-30, 30)


@pytest.mark.rule("X1", "X2")
class ProductMachine(StateMachine):
    """Two products and two users; one may be deactivated."""

    outcomes = frozenset(
        {"granted", "granted already", "by a date", "revoked", "nothing revoked", "access", "no access", "Invalid"}
    )

    def begin(self) -> None:
        """Register the users of a tenant that has summer time."""
        self.core.tenant("system").tenants.update("main", time_zone=ZONE.key)
        register = self.core.registration.register_external
        self.users = [register(f"{name}@example.com").user.id for name in ("ann", "bob")]
        self.spans: dict[tuple[int, str], set[tuple[object, object]]] = {}
        self.active = [True, True]

    @rule(whom=WHOM, products=PRODUCTS, start=HOURS, end=HOURS)
    def grant(self, whom: int, products: list[str], start: int | None, end: int | None) -> None:
        """Grant products for a span around now."""
        now = self.clock.now
        since = None if start is None else now + timedelta(hours=start)
        until = None if end is None else now + timedelta(hours=end)
        if until is not None and until <= (since or now):
            self.refuses(Invalid, lambda: self.core.products.grant(self.users[whom], products, since, until))
            return
        before = self.events(whom)
        granted = self.core.products.grant(self.users[whom], products, since, until)
        assert [one.product_id for one in granted] == products
        new = 0
        for product in products:
            spans = self.spans.setdefault((whom, product), set())
            if not any(self.covers(span, (since or now, until)) for span in spans):
                spans.add((since or now, until))
                new += 1
        assert self.events(whom) == before + new
        self.saw("granted" if new else "granted already")

    @staticmethod
    def covers(span: tuple[object, object], other: tuple[object, object]) -> bool:
        """Return whether a span contains another one; None is no end."""
        (start, end), (since, until) = span, other
        return start <= since and (end is None or (until is not None and until <= end))  # type: ignore[operator]  # instants

    @rule(whom=WHOM, product=st.sampled_from(("daily", "weekly")), days=st.integers(-2, 2))
    def grant_a_day(self, whom: int, product: str, days: int) -> None:
        """Grant a product for one day of the tenant's."""
        day = self.clock.now.astimezone(ZONE).date() + timedelta(days=days)
        (granted,) = self.core.products.grant(self.users[whom], [product], day, day + timedelta(days=1))
        hours = (granted.valid_until - granted.valid_from) / timedelta(hours=1) if granted.valid_until else 0
        spans = self.spans.setdefault((whom, product), set())
        if (granted.valid_from, granted.valid_until) not in spans and granted.granted_at == self.clock.now:
            assert hours in {23, 24, 25}
            assert self.day_of(granted.valid_from) == day
            spans.add((granted.valid_from, granted.valid_until))
            self.saw("by a date")

    @staticmethod
    def day_of(at: object) -> date:
        """Return the date of an instant in the tenant's zone."""
        return at.astimezone(ZONE).date()  # type: ignore[attr-defined,no-any-return]  # an instant

    @rule(whom=WHOM, products=PRODUCTS)
    def revoke(self, whom: int, products: list[str]) -> None:
        """Revoke all grants of some products."""
        gone = [span for product in products for span in self.spans.pop((whom, product), set())]
        before = self.events(whom)
        assert self.core.products.revoke(self.users[whom], products) == bool(gone)
        assert self.events(whom) == before + len(gone)
        self.saw("revoked" if gone else "nothing revoked")

    @rule(hours=st.integers(1, 20))
    def wait(self, hours: int) -> None:
        """Advance the clock by some hours."""
        self.clock.advance(timedelta(hours=hours))

    @rule(whom=WHOM)
    def deactivate_or_activate(self, whom: int) -> None:
        """Deactivate a user, or activate them."""
        (self.core.users.deactivate if self.active[whom] else self.core.users.activate)(self.users[whom])
        self.active[whom] = not self.active[whom]

    @rule(whom=WHOM, products=PRODUCTS)
    def ask(self, whom: int, products: list[str]) -> None:
        """Ask whether a user has access to any of the products, and list all grants."""
        now = self.clock.now
        spans = [span for product in products for span in self.spans.get((whom, product), set())]
        valid = any(start <= now and (end is None or now < end) for start, end in spans)  # type: ignore[operator]  # as above
        expected = valid and self.active[whom]
        assert self.core.products.has_access(self.users[whom], products) == expected
        self.saw("access" if expected else "no access")
        grants = self.core.products.list(self.users[whom])
        listed = [(one.product_id, one.valid_from, one.valid_until) for one in grants]
        own = [(product, spans) for (user, product), spans in self.spans.items() if user == whom]
        known = {(product, *span) for product, spans in own for span in spans}
        assert (set(listed), len(listed)) == (known, len(known))

    def events(self, whom: int) -> int:
        """Return how often the user was granted a product or had one revoked."""
        entries = self.core.history.of_user(self.users[whom], limit=1000)
        return sum(entry.kind.startswith("product.") for entry in entries)
