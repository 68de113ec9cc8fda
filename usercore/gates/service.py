"""Asking the host, outside any unit: about registrations, addresses, erasures, and new passwords before hashing."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from usercore.attempts.model import RegistrationPolicy
from usercore.gates.model import AddressAcceptance, AddressRemoval, RegistrationRequest, UserErasure
from usercore.gates.ports import (
    AddressAcceptanceGate,
    AddressRemovalGate,
    EmailCheck,
    PasswordCheck,
    RegistrationGate,
    UserErasureGate,
)
from usercore.kernel.callables import check_reason, check_result
from usercore.kernel.context import Context
from usercore.kernel.domains import is_within
from usercore.kernel.text import refuse
from usercore.kernel.values import frozen
from usercore.passwords.model import Credential, PasswordPolicy
from usercore.passwords.ports import Hasher
from usercore.passwords.rules import ScreenedPassword, check_strength, prepare, screen_password
from usercore.users.emails import domain_of

Q = TypeVar("Q")

_EMAIL_ANSWER: Final = "what an email check returned"
_PASSWORD_ANSWER: Final = "what a password check returned"  # noqa: S105 - a phrase, not a password


@frozen(kw_only=True)
class RegistrationGates:
    """Asks blocked domains, the host's email checks and its gates. Safe to share between threads."""

    _policy: RegistrationPolicy
    _email_checks: Sequence[EmailCheck]
    _gates: Sequence[RegistrationGate]

    @property
    def are_open(self) -> bool:
        """Whether there is nothing to ask, so that every registration passes."""
        return not (self._gates or self._email_checks or self._policy.blocked_domains)

    def check(
        self,
        context: Context,
        channel: str,
        *,
        email: str | None,
        username: str | None,
        external_id: str | None,
        validate_email: bool = True,
    ) -> None:
        """Ask about a registration. ``validate_email`` off skips blocked domains and email checks.

        Raises:
            Invalid: the email's domain is blocked, or a check refused it.
            Vetoed: a gate refused.
        """
        if email is not None and validate_email:
            self._check_email(email)
        if not self._gates:
            return
        request = RegistrationRequest(
            email=email, username=username, external_id=external_id, channel=channel, context=context
        )
        _ask(self._gates, request, "a registration gate")

    def _check_email(self, email: str) -> None:
        if is_within(domain_of(email), self._policy.blocked_domains):
            refuse("email", "blocked_domain")
        for check in self._email_checks:
            reason = check_reason(check(email), name=_EMAIL_ANSWER)
            if reason is not None:
                refuse("email", reason)


@frozen(kw_only=True)
class AddressGates:
    """Asks the host's gates for addresses. Safe to share between threads."""

    _acceptances: Sequence[AddressAcceptanceGate]
    _removals: Sequence[AddressRemovalGate]

    def check_acceptance(self, acceptance: AddressAcceptance) -> None:
        """Ask whether an address may have other values.

        Raises:
            Vetoed: a gate refused.
        """
        _ask(self._acceptances, acceptance, "an address acceptance gate")

    def check_removal(self, removal: AddressRemoval) -> None:
        """Ask whether an address may be removed.

        Raises:
            Vetoed: a gate refused.
        """
        _ask(self._removals, removal, "an address removal gate")


@frozen(kw_only=True)
class ErasureGates:
    """Asks the host's gates for erasing users. Safe to share between threads."""

    _gates: Sequence[UserErasureGate]

    def check(self, erasure: UserErasure) -> None:
        """Ask whether a user may be erased.

        Raises:
            Vetoed: a gate refused.
        """
        _ask(self._gates, erasure, "an erasure gate")


def _ask(gates: Iterable[Callable[[Q], object]], asked: Q, kind: str) -> None:
    for gate in gates:
        check_result(gate(asked), name=f"what {kind} returned")


@frozen(kw_only=True)
class NewPasswords:
    """Checks new passwords and hashes them: cheap checks and the host's first, the estimator in the hash slot."""

    _policy: PasswordPolicy
    _checks: Sequence[PasswordCheck]
    _hasher: Hasher

    def screen(self, password: str, personal: Iterable[str]) -> ScreenedPassword:
        """Check a new password by everything but the estimator, and ask the host's checks.

        Raises:
            PasswordRefused: with every reason that was found.
            TypeError: a check of the host returned neither a reason nor None.
        """
        text = prepare(password, max_bytes=self._policy.max_bytes)  # the host's checks see no password that is too long
        answers = () if text is None else (check(text) for check in self._checks)
        reasons = [reason for answer in answers if (reason := check_reason(answer, name=_PASSWORD_ANSWER)) is not None]
        return screen_password(password, policy=self._policy, personal=personal, host_reasons=reasons)

    def hash(self, screened: ScreenedPassword) -> tuple[str, str | None]:
        """Return the hash of a new password and the id of its pepper, unless the estimator finds it common.

        Raises:
            PasswordRefused: it is common.
            Overloaded: too many passwords are being hashed.
        """
        with self._hasher.hold_slot():
            return self._hasher.hash(check_strength(screened, self._policy))

    def hash_if_new(self, screened: ScreenedPassword, present: Credential | None) -> tuple[str, str | None] | None:
        """Return what ``hash`` returns, or None if it is the present password.

        Raises:
            PasswordRefused: it is common.
            Overloaded: too many passwords are being hashed.
        """
        with self._hasher.hold_slot():
            text = check_strength(screened, self._policy)
            is_present = present is not None and self._hasher.verify(present, text)
            return None if is_present else self._hasher.hash(text)
