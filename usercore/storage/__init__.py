"""What a storage must implement: every capability's part of one unit, and units bound to a context."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from usercore.addresses.capability import CAPABILITY as ADDRESSES
from usercore.addresses.ports import AddressesUnit
from usercore.attempts.capability import CAPABILITY as ATTEMPTS
from usercore.attempts.ports import AttemptsUnit
from usercore.groups.capability import CAPABILITY as GROUPS
from usercore.groups.ports import GroupsUnit
from usercore.history.capability import CAPABILITY as HISTORY
from usercore.history.ports import HistoryUnit
from usercore.kernel.capability import Capability
from usercore.kernel.changes import ChangeKind
from usercore.kernel.personal import Rows
from usercore.kernel.units import Units
from usercore.mail.capability import CAPABILITY as MAIL
from usercore.meta.capability import CAPABILITY as META
from usercore.meta.ports import MetaUnit
from usercore.outbox.capability import CAPABILITY as OUTBOX
from usercore.outbox.ports import OutboxUnit
from usercore.passkeys.capability import CAPABILITY as PASSKEYS
from usercore.passkeys.ports import PasskeysUnit
from usercore.passwords.capability import CAPABILITY as PASSWORDS
from usercore.passwords.ports import PasswordsUnit
from usercore.products.capability import CAPABILITY as PRODUCTS
from usercore.products.ports import ProductsUnit
from usercore.roles.capability import CAPABILITY as ROLES
from usercore.roles.ports import RolesUnit
from usercore.second_factors.capability import CAPABILITY as SECOND_FACTORS
from usercore.second_factors.ports import SecondFactorsUnit
from usercore.storage.compliance import ComplianceUnit
from usercore.storage.lookups import LookupsUnit
from usercore.storage.personal_rows import PersonalRowsUnit
from usercore.storage.recording import UnitContext
from usercore.storage.registration_counts import COUNTED_PERIODS, RegistrationCountsUnit
from usercore.tenants.capability import CAPABILITY as TENANTS
from usercore.tenants.ports import TenantsUnit
from usercore.throttling.capability import CAPABILITY as THROTTLING
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.capability import CAPABILITY as TOKENS
from usercore.tokens.ports import TokensUnit
from usercore.users.capability import CAPABILITY as USERS
from usercore.users.ports import UsersUnit

T = TypeVar("T")

CATALOGUE: Final[tuple[Capability, ...]] = (
    TENANTS,
    USERS,
    PASSWORDS,
    PASSKEYS,
    SECOND_FACTORS,
    TOKENS,
    ATTEMPTS,
    THROTTLING,
    META,
    ADDRESSES,
    GROUPS,
    PRODUCTS,
    ROLES,
    HISTORY,
    OUTBOX,
    MAIL,
)
"""The descriptors of all capabilities. A tuple, because listing folders would not work in every kind of package."""

CAPABILITIES: Final = frozenset(
    {one.name for one in CATALOGUE if one.unit is not None}
    | {"compliance", "lookups", "personal_rows", "registration_counts"}
)
"""What a storage may declare. One that lacks any of them is refused when it is opened."""

SNAPSHOT_READS: Final = "snapshot_reads"
"""All statements of a read see one state of the store: a unit is seen whole or not at all."""

FEATURES: Final = frozenset({SNAPSHOT_READS})
"""What a storage may lack; the contract then leaves out the cases that need it."""

ROWS: Final[Mapping[type, Rows]] = {
    one.entity: one for one in (*(rows for capability in CATALOGUE for rows in capability.rows), COUNTED_PERIODS)
}
"""What is stored, by entity: the one registry of personal columns."""

KINDS: Final[Mapping[str, ChangeKind]] = {kind.name: kind for one in CATALOGUE for kind in one.kinds}
"""The kinds of changes, by name."""


class Unit(
    UsersUnit,
    TenantsUnit,
    PasswordsUnit,
    PasskeysUnit,
    SecondFactorsUnit,
    TokensUnit,
    AttemptsUnit,
    ThrottlingUnit,
    MetaUnit,
    AddressesUnit,
    GroupsUnit,
    ProductsUnit,
    RolesUnit,
    HistoryUnit,
    OutboxUnit,
    LookupsUnit,
    PersonalRowsUnit,
    RegistrationCountsUnit,
    ComplianceUnit,
    Protocol,
):
    """Everything that one transaction can do."""

    @abstractmethod
    def run_nested(self, origin: UnitContext, work: Callable[["Unit"], T]) -> T:
        """Run ``work`` as a part of this unit, for another origin. Parts may be nested.

        ``work`` gets this unit, which acts for the other origin while it runs. The part's history is stored when it
        ends, and is among the entries that the unit's own origin observes after the commit.

        If ``work`` raises, what it changed and recorded is undone, and the unit may go on. After ``RunAgain``, a
        ``StorageError`` or what is no ``Exception`` the unit must end with that error.

        Raises:
            TenantNotFound: the other origin's tenant was created in this unit, and that was undone.
            StorageError: the part could not be undone.
        """


class UnitSource(Protocol):
    """A source of units: transactions of the storage's own, or one of the host's."""

    @abstractmethod
    def units(self, origin: UnitContext) -> Units[Unit]:
        """Return units of the context's tenant; changes are recorded with this context. Opens no transaction."""


class Storage(UnitSource, Protocol):
    """The store of all data. Safe to share between threads.

    An entry point of the group ``usercore.storages`` names, by URL scheme, a function that takes the URL and returns a
    storage.
    """

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities that it implements, of ``CAPABILITIES``."""

    @property
    def features(self) -> frozenset[str]:
        """What it has, of ``FEATURES``; a storage on one machine has all of them."""

    @property
    def secret(self) -> bytes:
        """32 random bytes, drawn when the store is created; they key digests and never change."""

    @abstractmethod
    def join(self, connection: object) -> UnitSource:
        """Return units that run, each in a savepoint, in the transaction that the host has open on its own connection.

        They do not wait in the storage's queue, never commit, never run again and notify no observer. A unit that
        raises stores nothing, and the host's transaction goes on, unless the engine aborted it. They serve one thread,
        as their connection does.

        Raises:
            TypeError: this storage cannot use the given object.
            ValueError: no transaction is open, the connection is to another store, or values would change in it.
            LostRace: the transaction has lost a race already.
            StorageError: the connection is closed or another thread's, or the transaction cannot go on.
        """

    @abstractmethod
    def purge(self, *, thorough: bool) -> None:
        """Make what was removed or blanked unreadable in the files of the store, as far as no older reader needs it.

        Unless it is to be ``thorough``, which may take as long as copying the store, only as far as it takes a moment.
        What the store holds does not change.

        Raises:
            StorageError: the files could not be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Release all resources. Later units raise ``Unavailable``; closing it again does nothing."""
