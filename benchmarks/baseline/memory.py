"""W8 and W11 by hand: everything in plain dicts, and identifying under a lock."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from benchmarks.baseline.secrets import digest_of, holder_of
from usercore.history.model import Entry
from usercore.kernel.time import Clock
from usercore.sign_in.model import Identity
from usercore.tokens.errors import TokenUnknown
from usercore.tokens.model import AccessToken
from usercore.users.model import Claim, User, UserState

_IDLE: Final = timedelta(days=90)


class Dicts:
    """Users by id, their tokens by user and digest, tenants that are active, users whose password must change.

    In the measurement of memory also claims by tenant, space and key, and each user's history.
    """

    def __init__(self, clock: Clock) -> None:
        """Create empty dicts."""
        self.clock = clock
        self.lock = Lock()
        self.users: dict[int, User] = {}
        self.tokens: dict[tuple[int, bytes], AccessToken] = {}
        self.claims: dict[tuple[int, str, str], Claim] = {}
        self.history: dict[int, list[Entry]] = {}
        self.active: dict[int, bool] = {}
        self.must_change: dict[int, bool] = {}
        self.uses: dict[tuple[int, bytes], datetime] = {}

    def keep(self, user: User, claims: Iterable[Claim], token: AccessToken, entry: Entry) -> None:
        """Store a user with everything that belongs to it."""
        self.users[user.id] = user
        for claim in claims:
            self.claims[claim.tenant_id, claim.space, claim.key] = claim
        self.tokens[token.user_id, token.digest] = token
        self.history[entry.subject_id] = [entry]

    def identify(self, secret: str) -> Identity:
        """Return the identity of the token's owner.

        Raises:
            TokenUnknown: the token is unknown or not accepted.
        """
        user_id = holder_of(secret, "uca_")
        key = user_id, digest_of(secret)
        with self.lock:
            token, user = self.tokens.get(key), self.users.get(user_id)
            must_change = self.must_change.get(user_id, False)
            if token is None or user is None or not self.active[user.tenant_id]:
                raise TokenUnknown
        now = self.clock()
        if token.revoked_at is not None or now >= token.expires_at or now >= token.last_used_at + _IDLE:
            raise TokenUnknown
        if user.state is not UserState.ACTIVE:
            raise TokenUnknown
        self.uses[key] = now
        return Identity(
            user=user,
            authenticator=token.authenticator,
            source=token.source,
            authenticated_at=token.issued_at,
            must_change_password=must_change,
            token_digest=token.digest,
            token_expires_at=token.expires_at,
        )
