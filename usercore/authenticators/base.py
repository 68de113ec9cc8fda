"""What every authenticator is; ``rules`` has which of them sign in which users.

An authenticator *verifies* credentials outside any unit of work: it may hash or ask another system there. What it
verified is *completed* inside the unit that writes the attempt and the token; before that the unit locks the user and
refuses users who may not sign in, whichever authenticator found them.
"""

from abc import abstractmethod
from datetime import datetime
from typing import NamedTuple, Never, Protocol

from usercore.attempts.model import AttemptStatus
from usercore.attempts.ports import AttemptsUnit
from usercore.authenticators.errors import SignInRefused
from usercore.kernel.context import Context
from usercore.kernel.entity import entity
from usercore.kernel.ids import UserId
from usercore.passkeys.ports import PasskeysUnit
from usercore.passwords.ports import PasswordsUnit
from usercore.second_factors.ports import SecondFactorsUnit
from usercore.storage.lookups import LoginAccount, LookupsUnit, Rights
from usercore.tenants.ports import TenantsUnit
from usercore.throttling.model import FailureCounter
from usercore.throttling.ports import ThrottlingUnit
from usercore.tokens.model import AccessToken
from usercore.tokens.ports import TokensUnit
from usercore.users.model import LastSignIn, User
from usercore.users.ports import UsersUnit


class SignInUnit(
    UsersUnit,
    TenantsUnit,
    PasswordsUnit,
    PasskeysUnit,
    SecondFactorsUnit,
    TokensUnit,
    AttemptsUnit,
    ThrottlingUnit,
    LookupsUnit,
    Protocol,
):
    """What a sign-in reads and writes."""


class RejectedAttempt(Exception):
    """An attempt is rejected: the status that is stored, and the error that the caller gets."""

    def __init__(
        self,
        status: AttemptStatus,
        *,
        user_id: UserId | None = None,
        error: BaseException | None = None,
        is_miss: bool = False,
    ) -> None:
        """Reject with this status; the caller gets ``error``, or else ``SignInRefused``.

        A miss is a secret that does not exist. Misses cost the caller nothing, so they are only counted.
        """
        super().__init__(status)
        self.status, self.user_id, self.is_miss = status, user_id, is_miss
        self.error = error or SignInRefused()


@entity
class LoginLookup:
    """What the storage knows about the login of an attempt: the account, if a user has it, and the failure counters.

    The account's counter comes first, if there is a login; then the address', if there is an address.
    """

    account: LoginAccount | None = None
    login_key: bytes | None = None
    keys: tuple[bytes, ...] = ()
    counters: tuple[FailureCounter | None, ...] = ()
    has_void_password: bool = False
    """Whether too many wrong passwords in a row made the account's password void."""

    @property
    def login_counter(self) -> FailureCounter | None:
        """The counter of the account, or of a login that no user has."""
        return None if self.login_key is None else self.counters[0]


class LockedUser(NamedTuple):
    """A locked user who may sign in, with the rights that the unit sees."""

    user: User
    rights: Rights
    is_privileged: bool


class SignInEvent(NamedTuple):
    """When an attempt is completed, and what the user's row stores of it: nothing if no user is signed in by it."""

    now: datetime
    note: LastSignIn | None = None


@entity
class Authenticated:
    """How a user was authenticated. A new access token is issued, unless an existing ``token`` was shown.

    ``asserted_by_host`` marks a user whom no credentials authenticated; of a privileged one it is recorded.
    """

    status: AttemptStatus
    token: AccessToken | None = None
    must_change_password: bool = False
    asserted_by_host: bool = False


class Verified(Protocol):
    """What an authenticator verified. It is completed in the unit that stores the attempt."""

    @abstractmethod
    def find_user(self, unit: SignInUnit, now: datetime) -> UserId:
        """Return the id of the user that was verified, before the unit locks it.

        Raises:
            RejectedAttempt: there is no such user, or what was verified no longer holds.
        """

    @abstractmethod
    def complete(self, unit: SignInUnit, locked: LockedUser, event: SignInEvent) -> Authenticated:
        """Complete the attempt of the locked user, who may sign in. Checks come before writes.

        Raises:
            RejectedAttempt: what was verified no longer holds.
        """


class BuiltInAuthenticator(Protocol):
    """An authenticator as ``SignIn`` uses it. ``ExternalAuthenticator`` makes one of an authenticator of the host."""

    @property
    def name(self) -> str:
        """The name in tokens and attempts."""

    @property
    def priority(self) -> int:
        """Authenticators with a higher priority are asked first."""

    @property
    def credentials(self) -> type[object]:
        """The class of credentials it takes; it never sees another."""

    @property
    def is_guessable(self) -> bool:
        """Whether its credentials could be guessed, so that attempts are throttled; secrets of 256 bits cannot."""

    @property
    def hashes(self) -> bool:
        """Whether ``verify`` computes a password hash, so that it needs a slot for one."""

    @property
    def allows_privileged(self) -> bool:
        """Whether it signs in privileged users. Source: spec T5."""

    @property
    def is_multi_factor(self) -> bool:
        """Whether it needs no second factor: it proves two, or goes on with a sign-in that was complete."""

    @property
    def unknown_status(self) -> AttemptStatus:
        """The status of an attempt whose user is not in this tenant."""

    @abstractmethod
    def verify(self, credentials: Never, lookup: LoginLookup, context: Context) -> Verified | None:
        """Verify credentials outside any unit; return None if they are not its own. Each takes a class of its own.

        Raises:
            RejectedAttempt: the credentials are its own, and wrong.
        """
