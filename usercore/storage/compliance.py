"""What checks of compliance read of many users at once, and when the oldest rows with a retention were stored."""

from abc import abstractmethod
from datetime import datetime
from typing import NamedTuple, Protocol

from usercore.kernel.ids import UserId
from usercore.passwords.model import Credential
from usercore.second_factors.model import StoredFactor
from usercore.tokens.model import AccessToken, LimitedUseToken


class AccountSecurity(NamedTuple):
    """What signs a user in. Used within one call only, so a tuple suffices."""

    user_id: UserId
    has_unverified_email: bool
    is_privileged: bool
    """Whether the user has an active privileged role; users of ``system`` are privileged without one."""
    credential: Credential | None
    factors: tuple[StoredFactor, ...]
    """Those that are confirmed, by id."""
    has_passkey: bool
    access_tokens: tuple[AccessToken, ...]
    """Those that are not revoked, by digest, without their user agents."""
    limited_use_tokens: tuple[LimitedUseToken, ...]
    """Those that are neither revoked nor used up, by digest."""


class OldestRows(NamedTuple):
    """When the oldest row of each kind was stored, of all tenants; None if there is none."""

    attempt: datetime | None
    registration_attempt: datetime | None
    completed_delivery: datetime | None
    """When the delivery was completed."""


class ComplianceLookup(Protocol):
    """Answers what checks of compliance ask. ``usercore.testing.contracts.compliance`` tests it."""

    @abstractmethod
    def list_accounts(self, after: UserId, /, *, limit: int) -> list[AccountSecurity]:
        """Return at most ``limit`` active users of the unit's tenant whose ids follow ``after``, in their order.

        Indexes find the users and what they have: the cost is in proportion to the result.
        """

    @abstractmethod
    def oldest_rows(self) -> OldestRows:
        """Return when the oldest rows of all tenants were stored. An index finds each."""


class ComplianceUnit(Protocol):
    """The part of a unit that checks of compliance need."""

    @property
    def compliance(self) -> ComplianceLookup:
        """The look-ups of compliance in this unit."""
