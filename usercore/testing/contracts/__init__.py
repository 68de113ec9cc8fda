"""What every storage must do: one file a port, one short case a promise.

A storage author binds all of it by one fixture::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def storage(self) -> Iterator[Storage]: ...

The cases need what the ports promise and nothing else: users are there before their tokens are, and what the port says
is guarded is guarded. They run on engines that give READ COMMITTED only, and on those with one writer.
"""

from usercore.testing.contracts.access_tokens import AccessTokenRepositoryContract
from usercore.testing.contracts.attempts import TryRepositoriesContract
from usercore.testing.contracts.base import Contract, units
from usercore.testing.contracts.claims import ClaimRepositoryContract
from usercore.testing.contracts.counters import AllowanceRepositoryContract, ThrottleRepositoryContract
from usercore.testing.contracts.deliveries import DeliveryRepositoryContract, LeaseContract
from usercore.testing.contracts.history import HistoryRepositoryContract
from usercore.testing.contracts.identifying import SignedInRepositoryContract
from usercore.testing.contracts.login_tokens import LoginTokenRepositoryContract
from usercore.testing.contracts.passwords import CredentialRepositoryContract
from usercore.testing.contracts.recording import GuardContract, RecordingContract
from usercore.testing.contracts.registration_links import RegistrationLinkRepositoryContract
from usercore.testing.contracts.resolving import ResolvingContract
from usercore.testing.contracts.tenants import TenantRepositoryContract
from usercore.testing.contracts.units import StorageFacesContract, UnitsContract
from usercore.testing.contracts.users import UserRepositoryContract

__all__ = ["Contract", "StorageContract", "units"]


class StorageContract(
    UnitsContract,
    StorageFacesContract,
    GuardContract,
    RecordingContract,
    ResolvingContract,
    UserRepositoryContract,
    ClaimRepositoryContract,
    TenantRepositoryContract,
    CredentialRepositoryContract,
    AccessTokenRepositoryContract,
    LoginTokenRepositoryContract,
    RegistrationLinkRepositoryContract,
    TryRepositoriesContract,
    ThrottleRepositoryContract,
    AllowanceRepositoryContract,
    HistoryRepositoryContract,
    LeaseContract,
    DeliveryRepositoryContract,
    SignedInRepositoryContract,
):
    """All that every storage must do."""
