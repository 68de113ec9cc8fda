"""The steps of tokens that are redeemed: they work for every kind, and report why a token cannot be redeemed."""

from datetime import timedelta

import pytest

from tests.services.helpers import opens, register, sign_in
from usercore import LimitedUseToken, TokenInvalid, TokenKind, TokenRedeemed, TokenRevoked, TokenUnknown, User, UserCore
from usercore.kernel.secret import Secret, digest_of, generate_secret
from usercore.storage import Unit
from usercore.testing import NOON, TICK, FakeClock, FakeRandomness
from usercore.tokens.kinds import RevocationReason
from usercore.tokens.model import RevokedTokens
from usercore.tokens.service import find_redeemable, issue, redeem, revoke_all

MINUTE = timedelta(minutes=1)
RANDOMNESS = FakeRandomness("steps")


def issued(core: UserCore, user: User, kind: TokenKind = TokenKind.LOGIN) -> Secret:
    def work(unit: Unit) -> Secret:
        unit.lock(user.id)
        return issue(unit, kind, user.id, at=NOON, lifetime=MINUTE, randomness=RANDOMNESS)

    return core._service.units.write(work)


@pytest.mark.rule("K1", "K3")
def test_a_token_is_found_by_its_own_kind_only(core: UserCore) -> None:
    user, kind = register(core), TokenKind.REGISTRATION
    secret = generate_secret(kind, user.id, RANDOMNESS)
    token = LimitedUseToken(
        user_id=user.id, digest=digest_of(secret), kind=kind, issued_at=NOON, expires_at=NOON + MINUTE
    )
    core._service.units.write(lambda unit: unit.limited_use_tokens.add(token))
    assert core._service.units.read(lambda unit: find_redeemable(unit, secret, kind, now=NOON)) == token
    with pytest.raises(TokenUnknown):
        core._service.units.read(lambda unit: find_redeemable(unit, secret, TokenKind.LOGIN, now=NOON))


@pytest.mark.rule("K3")
def test_a_kind_that_is_not_redeemed_cannot_be_issued_as_one(core: UserCore) -> None:
    user = register(core)
    with pytest.raises(ValueError, match="tokens of the kind ACCESS are not redeemed"):
        issued(core, user, TokenKind.ACCESS)


@pytest.mark.rule("K3")
@pytest.mark.parametrize("before", ["redeemed", "revoked", "never issued"])
def test_redeeming_reports_why_it_is_not_possible(core: UserCore, before: str) -> None:
    user = register(core)
    secret = issued(core, user)
    if before == "never issued":
        secret = generate_secret(TokenKind.LOGIN, user.id, FakeRandomness("another"))

    def work(unit: Unit) -> None:
        unit.lock(user.id)
        if before == "redeemed":
            redeem(unit, user.id, digest_of(secret), at=NOON)
        if before == "revoked":
            revoke_all(unit, user.id, RevocationReason.EMAIL_CHANGED, at=NOON)
        redeem(unit, user.id, digest_of(secret), at=NOON + TICK)

    errors: dict[str, type[TokenInvalid]] = {
        "redeemed": TokenRedeemed,
        "revoked": TokenRevoked,
        "never issued": TokenUnknown,
    }
    with pytest.raises(errors[before]):
        core._service.units.write(work)


@pytest.mark.rule("K9", "E3")
def test_an_undo_needs_the_instant_since_which_tokens_are_revoked(core: UserCore) -> None:
    user = register(core)

    def revoke(unit: Unit) -> None:
        unit.lock(user.id)
        revoke_all(unit, user.id, RevocationReason.EMAIL_UNDONE, at=NOON)

    with pytest.raises(ValueError, match="since an instant"):
        core._service.units.write(revoke)


@pytest.mark.rule("K9", "E3")
def test_an_undo_revokes_access_tokens_issued_since_and_counts_them(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    early = sign_in(core, user)
    clock.tick()
    late = sign_in(core, user)
    issued(core, user)

    def revoke(unit: Unit) -> RevokedTokens:
        unit.lock(user.id)
        return revoke_all(unit, user.id, RevocationReason.EMAIL_UNDONE, at=clock.now, since=clock.now)

    revoked = core._service.units.write(revoke)
    assert (revoked.access, revoked.login) == (1, 1)
    assert (opens(core, early), opens(core, late)) == (True, False)
