"""Login tokens: issued by the host, redeemed once at ``sign_in.with_login_token``."""

from usercore.kernel.changes import Change
from usercore.kernel.ids import UserId
from usercore.kernel.references import Reference, check_reference
from usercore.kernel.secret import Secret, digest_of, generate_secret
from usercore.kernel.service_context import ServiceContext
from usercore.kernel.text import check_type, refuse
from usercore.kernel.values import frozen
from usercore.tokens.model import LOGIN, LOGIN_ISSUED, LoginToken, LoginTokenPolicy
from usercore.tokens.ports import TokensUnit


@frozen(kw_only=True)
class LoginTokens:
    """Issues login tokens. Trusted: whoever is given one signs in as this user. Safe to share between threads."""

    _service: ServiceContext[TokensUnit]
    _policy: LoginTokenPolicy

    def issue(self, ref: Reference) -> Secret:
        """Issue a token and give its secret, which cannot be read again. One unit.

        Raises:
            TypeError: ``ref`` is no reference.
            UserNotFound: nobody in this tenant is named so.
        """
        return self.issue_many(ref, 1)[0]

    def issue_many(self, ref: Reference, count: int) -> tuple[Secret, ...]:
        """Issue 1 to 100 tokens, all or none. One unit.

        Raises:
            TypeError: an argument has the wrong type.
            Invalid: the count is out of range.
            UserNotFound: nobody in this tenant is named so.
        """
        check_reference(ref)
        if not 1 <= check_type(count, int, name="count") <= self._policy.most_at_once:
            refuse("count", "out_of_range")

        def issue(unit: TokensUnit) -> tuple[Secret, ...]:
            user_id = unit.resolve(ref)
            unit.lock(user_id)
            return tuple(self._issue(unit, user_id) for _ in range(count))

        return self._service.units.write(issue)

    def _issue(self, unit: TokensUnit, user_id: UserId) -> Secret:
        secret, now = generate_secret(LOGIN, user_id, self._service.randomness), self._service.clock()
        token = LoginToken(
            user_id=user_id, digest=digest_of(secret), issued_at=now, expires_at=now + self._policy.lifetime
        )
        unit.login_tokens.add(token)
        unit.record(Change(kind=LOGIN_ISSUED, subject_id=user_id, new=token))
        return secret
