"""Access tokens: what is stored of them, how long they are valid, and how their last use is recorded."""

import logging
import re
from datetime import timedelta

import attrs
import pytest

from tests.services.helpers import dump, opens, over, refused, register, sign_in, unchanged
from usercore import (
    NIST_AAL1,
    AccessToken,
    Email,
    Full,
    Invalid,
    RevocationReason,
    RevokedTokens,
    SignInRefused,
    TokenExpired,
    TokenNotFound,
    TokenRevoked,
    TokenUnknown,
    User,
    UserCore,
    UserNotFound,
)
from usercore.kernel.paging import write_cursor
from usercore.kernel.secret import generate_secret
from usercore.testing import NOON, TICK, FakeClock, FakeRandomness, FaultyStorage, WatchedStorage
from usercore.tokens.kinds import ACCESS

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def last_used(core: UserCore, user: User) -> list[timedelta]:
    return [token.last_used_at - NOON for token in core.access_tokens.list(user.id)]


@pytest.mark.rule("K1")
def test_only_digests_are_stored(core: UserCore) -> None:
    user = register(core)
    secrets = [sign_in(core, user), core.login_tokens.issue(user.id)]
    kept = repr(dump(core))
    for secret, kind in zip(secrets, ("uca", "ucl"), strict=True):
        assert re.fullmatch(kind + "_[0-9A-Za-z]{58}", secret.reveal())
        assert secret.reveal() not in kept
        assert secret.reveal()[13:] not in kept


@pytest.mark.rule("K1")
def test_a_malformed_secret_is_refused_without_reading_the_storage(core: UserCore, storage: WatchedStorage) -> None:
    token = sign_in(core, register(core)).reveal()
    for wrong in ("", token[:-1], token + "0", token[:-1] + "~", "ucl" + token[3:], token.swapcase(), "ű" * 62):
        reads = storage.reads
        with pytest.raises(TokenUnknown):
            core.sign_in.identify(wrong)
        assert storage.reads == reads
    for nothing in (None, 7, b"uca_"):
        with refused(core, TypeError, but=()):
            core.sign_in.identify(nothing)  # type: ignore[arg-type]  # what is tested


@pytest.mark.rule("K1")
def test_a_well_formed_secret_that_was_not_issued_is_unknown(core: UserCore) -> None:
    user = register(core)
    sign_in(core, user)
    with refused(core, TokenUnknown, but=()):
        core.sign_in.identify(generate_secret(ACCESS, user.id, FakeRandomness("forged")))


@pytest.mark.rule("K2")
def test_a_token_is_stored_with_its_origin(core: UserCore) -> None:
    user = register(core)
    sign_in(core.bind(ip="192.0.2.1", user_agent="Lynx", source="web"), user)
    (token,) = core.access_tokens.list(user.id)
    assert (token.user_id, token.authenticator, token.source) == (user.id, "trusted", "web")
    assert (token.ip, token.user_agent, token.revoked_at) == ("192.0.2.1", "Lynx", None)
    assert (token.issued_at, token.last_used_at, token.expires_at) == (NOON, NOON, NOON + 365 * DAY)


@pytest.mark.rule("K2")
def test_identify_is_one_read(core: UserCore, storage: WatchedStorage) -> None:
    token = sign_in(core, register(core))
    reads, writes = storage.reads, storage.writes
    core.sign_in.identify(token)
    assert (storage.reads, storage.writes) == (reads + 1, writes)


@pytest.mark.rule("K2")
def test_a_token_expires_when_it_is_not_used_for_ninety_days(core: UserCore, clock: FakeClock) -> None:
    token = sign_in(core, register(core))
    clock.now = NOON + 90 * DAY - TICK
    assert opens(core, token)
    clock.tick()
    with refused(core, TokenExpired, but=()) as raised:
        core.sign_in.identify(token)
    assert raised.value.expired_at == NOON + 90 * DAY


@pytest.mark.rule("K2")
def test_a_token_that_is_used_expires_after_a_year(core: UserCore, clock: FakeClock) -> None:
    token = sign_in(core, register(core))
    for days in (80, 160, 240, 320):
        clock.now = NOON + days * DAY
        assert opens(core, token)
        core._runtime.activity.write(core._service.units)
    clock.now = NOON + 365 * DAY - TICK
    assert opens(core, token)
    clock.tick()
    assert not opens(core, token)


@pytest.mark.rule("K2")
def test_tokens_of_the_nist_preset_expire_after_thirty_days(core: UserCore, clock: FakeClock) -> None:
    core = over(core, policy=attrs.evolve(core.policy, access_tokens=NIST_AAL1))
    token = sign_in(core, register(core))
    clock.now = NOON + 30 * DAY - TICK
    assert opens(core, token)
    clock.tick()
    assert not opens(core, token)


@pytest.mark.rule("K2")
def test_last_use_is_collected_and_written_once_a_minute(
    core: UserCore, clock: FakeClock, storage: WatchedStorage
) -> None:
    user = register(core)
    token, other = sign_in(core, user), sign_in(core, user)
    writes = storage.writes
    for _ in range(2):
        core.sign_in.identify(token)
        core.sign_in.identify(other)
        clock.advance(MINUTE / 2)
    assert (storage.writes, last_used(core, user)) == (writes, [timedelta(0)] * 2)
    core.sign_in.identify(token)
    assert (storage.writes, sorted(last_used(core, user))) == (writes + 1, [MINUTE / 2, MINUTE])
    core.sign_in.identify(token)
    assert storage.writes == writes + 1


@pytest.mark.rule("K2")
def test_last_use_is_written_after_a_minute_although_the_clock_was_set_back(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    token, early = sign_in(core, user), sign_in(core, user)
    clock.now = NOON + 30 * DAY
    assert opens(core, early)
    clock.now = NOON + MINUTE
    assert opens(core, token)
    clock.advance(MINUTE)
    assert opens(core, token)
    assert sorted(last_used(core, user)) == [2 * MINUTE, 30 * DAY]


@pytest.mark.rule("K2")
def test_last_use_is_written_at_close(core: UserCore, clock: FakeClock, storage: WatchedStorage) -> None:
    user = register(core)
    token = sign_in(core, user)
    clock.tick()
    core.sign_in.identify(token)
    uses: list[AccessToken] = []
    storage.before_commit.append(lambda unit: uses.extend(unit.access_tokens.list_of(user.id)))
    core.close()
    assert [use.last_used_at for use in uses] == [NOON + TICK]


@pytest.mark.rule("K2", "X2")
def test_a_last_use_that_cannot_be_written_is_written_later(
    core: UserCore, clock: FakeClock, storage: WatchedStorage, caplog: pytest.LogCaptureFixture
) -> None:
    user = register(core)
    token, other = sign_in(core, user), sign_in(core, register(core, "bob"))
    faulty = FaultyStorage(storage)
    late = UserCore.over(faulty, core._runtime.host)
    late.sign_in.identify(token)
    for _ in range(2):
        clock.advance(MINUTE)
        with caplog.at_level(logging.WARNING, logger="usercore"), faulty.failing(2, Full()):
            assert late.sign_in.identify(token).user.id == user.id
    assert "could not be written" in caplog.text
    assert last_used(core, user) == [timedelta(0)]
    clock.advance(MINUTE)
    late.sign_in.identify(other)
    assert last_used(core, user) == [2 * MINUTE]


@pytest.mark.rule("K2")
def test_tokens_are_listed_newest_first_and_revoked_by_secret_or_public_id(core: UserCore, clock: FakeClock) -> None:
    user = register(core)
    secrets = []
    for _ in range(3):
        secrets.append(sign_in(core, user))
        clock.tick()
    newest, middle, oldest = core.access_tokens.list(user.id)
    assert newest.issued_at > middle.issued_at > oldest.issued_at
    assert core.access_tokens.revoke_by_id(Email("ann@example.com"), middle.public_id).digest == middle.digest
    assert core.access_tokens.revoke(secrets[0]).revoked_at == clock.now
    assert [opens(core, secret) for secret in secrets] == [False, False, True]
    assert core.access_tokens.list(user.id).rows == (newest,)
    with refused(core, TokenRevoked, but=()):
        core.sign_in.identify(secrets[0])
    with refused(core, TokenUnknown, but=()):
        core.access_tokens.revoke(secrets[0])
    with refused(core, TokenNotFound, but=()):
        core.access_tokens.revoke_by_id(user.id, middle.public_id)
    assert core.sign_in.identify(secrets[2].reveal()).user.id == user.id


@pytest.mark.rule("K2")
def test_a_public_id_is_not_accepted_as_a_secret(core: UserCore) -> None:
    user = register(core)
    secret = sign_in(core, user)
    (token,) = core.access_tokens.list(user.id)
    with refused(core, TokenUnknown, but=()):
        core.access_tokens.revoke(token.public_id)
    with refused(core, TokenUnknown, but=()):
        core.sign_in.identify(token.public_id)
    assert opens(core, secret)


@pytest.mark.rule("K2")
def test_a_public_id_revokes_a_token_of_the_named_user_only(core: UserCore) -> None:
    ann, bob = register(core), register(core, "bob")
    secrets = [sign_in(core, ann), sign_in(core, bob)]
    (token,) = core.access_tokens.list(ann.id)
    for user, public_id in ((bob, token.public_id), (ann, token.public_id[:-1] + "~"), (ann, ""), (ann, "\ud800")):
        with refused(core, TokenNotFound, but=()):
            core.access_tokens.revoke_by_id(user.id, public_id)
    for wrong in (None, 7, secrets[0], b"uca"):
        with refused(core, TypeError, but=()):
            core.access_tokens.revoke_by_id(ann.id, wrong)  # type: ignore[arg-type]  # what is tested
    with refused(core, UserNotFound, but=()):
        core.access_tokens.revoke_by_id(7, token.public_id)
    assert [opens(core, secret) for secret in secrets] == [True, True]


@pytest.mark.rule("K2", "K9")
def test_signing_out_everywhere_can_keep_one_token(core: UserCore) -> None:
    user = register(core)
    here, there, login_token = sign_in(core, user), sign_in(core, user), core.login_tokens.issue(user.id)
    assert core.access_tokens.revoke_all(user.id, keep=here) == RevokedTokens(
        access=1, login=1, reason=RevocationReason.SIGNED_OUT
    )
    assert (opens(core, here), opens(core, there)) == (True, False)
    with refused(core, SignInRefused):
        core.sign_in.with_login_token(login_token)
    with unchanged(core):
        assert core.access_tokens.revoke_all(user.id, keep=here) == RevokedTokens(reason=RevocationReason.SIGNED_OUT)
    assert core.access_tokens.revoke_all(user.id).access == 1


@pytest.mark.rule("X8")
@pytest.mark.parametrize("place", [(1, "no hex"), (1, "abc"), ("1", "ab"), (1,)], ids=str)
def test_a_cursor_of_another_form_is_refused(core: UserCore, place: tuple[int | str, ...]) -> None:
    user = register(core)
    for tokens in (core.access_tokens, core.autologin_tokens):
        with refused(core, Invalid, but=()):
            tokens.list(user.id, cursor=write_cursor(place))


@pytest.mark.rule("X8")
def test_tokens_of_one_instant_are_each_on_one_page(core: UserCore) -> None:
    user = register(core)
    for _ in range(5):
        sign_in(core, user)
    listed: list[AccessToken] = []
    cursor = None
    while cursor is not None or not listed:
        page = core.access_tokens.list(user.id, cursor=cursor, limit=2)
        listed += page.rows
        cursor = page.cursor
    assert tuple(listed) == core.access_tokens.list(user.id).rows
    assert len({token.digest for token in listed}) == 5
