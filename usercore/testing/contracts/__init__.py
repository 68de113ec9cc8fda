"""What every storage must do: one file a port, one short case a promise.

A storage author binds all of it by one fixture::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self) -> Iterator[Storage]: ...

Their mark ``rule`` is registered by ``pytest_plugins = ["usercore.testing.plugin"]`` in the host's ``conftest.py``.

The cases need what the ports promise and nothing else: users are there before their tokens are, and what the port says
is guarded is guarded. They run on engines that give READ COMMITTED only, and on those with one writer.
"""

from usercore.testing.contracts.access_tokens import AccessTokenRepositoryContract
from usercore.testing.contracts.attempts import AttemptRepositoriesContract
from usercore.testing.contracts.base import Contract, units_of
from usercore.testing.contracts.claims import ClaimRepositoryContract
from usercore.testing.contracts.deliveries import DeliveryRepositoryContract
from usercore.testing.contracts.failure_counters import FailureCounterRepositoryContract
from usercore.testing.contracts.history import HistoryRepositoryContract
from usercore.testing.contracts.leases import LeaseContract
from usercore.testing.contracts.login_tokens import LoginTokenRepositoryContract
from usercore.testing.contracts.lookups import AuthenticationLookupContract
from usercore.testing.contracts.nesting import NestingContract
from usercore.testing.contracts.passwords import CredentialRepositoryContract
from usercore.testing.contracts.rate_limits import RateLimitRepositoryContract
from usercore.testing.contracts.recording import LockContract, RecordingContract
from usercore.testing.contracts.registration_links import RegistrationLinkRepositoryContract
from usercore.testing.contracts.resolving import ResolvingContract
from usercore.testing.contracts.storage import StorageItselfContract
from usercore.testing.contracts.tenants import TenantRepositoryContract
from usercore.testing.contracts.units import UnitsContract
from usercore.testing.contracts.users import UserRepositoryContract

__all__ = ["Contract", "StorageContract", "units_of"]


class StorageContract(
    UnitsContract,
    StorageItselfContract,
    LockContract,
    RecordingContract,
    NestingContract,
    ResolvingContract,
    UserRepositoryContract,
    ClaimRepositoryContract,
    TenantRepositoryContract,
    CredentialRepositoryContract,
    AccessTokenRepositoryContract,
    LoginTokenRepositoryContract,
    RegistrationLinkRepositoryContract,
    AttemptRepositoriesContract,
    FailureCounterRepositoryContract,
    RateLimitRepositoryContract,
    HistoryRepositoryContract,
    LeaseContract,
    DeliveryRepositoryContract,
    AuthenticationLookupContract,
):
    """All that every storage must do."""
