"""Login tokens: issued by the host, redeemed once by ``sign_in.with_login_token``."""

from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen
from usercore.sign_in_tokens.issuing import SignInTokensUnit, lock_holder
from usercore.tokens.kinds import TokenKind
from usercore.tokens.policies import LoginTokenPolicy
from usercore.tokens.service import issue


@frozen(kw_only=True)
class LoginTokens:
    """Issues login tokens. Trusted: a token signs its bearer in as the user. Safe to share between threads."""

    _service: ServiceContext[SignInTokensUnit]
    _policy: LoginTokenPolicy

    def issue(self, ref: Reference) -> Secret:
        """Issue a token and return its secret, which cannot be read again. One unit.

        Raises:
            TypeError: ``ref`` is no reference.
            Invalid: ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            WrongState: the user is unclaimed.
            TenantInactive: the tenant is inactive, so that its users cannot sign in.
        """
        return self.issue_many(ref, 1)[0]

    def issue_many(self, ref: Reference, count: int) -> tuple[Secret, ...]:
        """Issue 1 to 100 tokens, all or none, and return their secrets. One unit.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the count is out of range, or ``ref`` is malformed.
            UserNotFound: no user of this tenant has this reference.
            WrongState: the user is unclaimed.
            TenantInactive: the tenant is inactive, so that its users cannot sign in.
        """
        check_reference(ref)
        if not 1 <= check_type(count, int, name="count") <= self._policy.max_at_once:
            refuse("count", "out_of_range")

        def issue_all(unit: SignInTokensUnit) -> tuple[Secret, ...]:
            user_id = lock_holder(unit, ref, self._service.context.tenant_id)
            lifetime, randomness = self._policy.lifetime, self._service.randomness
            return tuple(
                issue(
                    unit, TokenKind.LOGIN, user_id, at=self._service.clock(), lifetime=lifetime, randomness=randomness
                )
                for _ in range(count)
            )

        return self._service.units.write(issue_all)
