"""What every storage must do for login tokens."""

from datetime import datetime

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.kernel.time import FIRST, LAST
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    add_people,
    assert_same,
    check_kept_whole,
    check_runs_again,
    digests,
    fresh,
    keep,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, LOGIN_TOKEN, a_login_token
from usercore.testing.strategies import ids, login_tokens
from usercore.tokens.model import LoginToken

STRANGER = UserId(11)
BOBS = a_login_token(user_id=BOB)
SPENT = a_login_token(digest=digest_of("redeemed"), redeemed_at=NOON - TICK)


def add(units: Units[Unit], *tokens: LoginToken) -> None:
    """Keep tokens."""
    keep(units, lambda unit: unit.login_tokens.add, *tokens)


def get(units: Units[Unit], token: LoginToken = LOGIN_TOKEN) -> LoginToken | None:
    """Give a token as it is now, or None."""
    return units.read(lambda unit: unit.login_tokens.get(token.user_id, token.digest))


def redeem(units: Units[Unit], token: LoginToken = LOGIN_TOKEN, *, at: datetime = NOON) -> LoginToken | None:
    """Spend a token in a unit of its own."""
    return units.write(lambda unit: unit.login_tokens.redeem(token.user_id, token.digest, at=at))


def numbered(number: int, **fields: object) -> LoginToken:
    """Give a token with a digest of its own."""
    return evolve(LOGIN_TOKEN, digest=digest_of(str(number)), **fields)


class LoginTokenRepositoryContract(Contract):
    """One case a promise of ``LoginTokenRepository``."""

    @pytest.mark.rule("K3")
    def test_login_tokens_are_kept_whole(self, people: Units[Unit]) -> None:
        check_kept_whole(
            people,
            fresh(login_tokens(user_id=ids().map(lambda _: ANN)), "digest", digests()),
            add=lambda unit, token: unit.login_tokens.add(token),
            get=lambda unit, token: unit.login_tokens.get(ANN, token.digest),
        )

    @pytest.mark.rule("K3")
    def test_login_tokens_with_values_at_the_edge_are_kept(self, people: Units[Unit]) -> None:
        edge = a_login_token(digest=Digest(bytes(32)), issued_at=FIRST, expires_at=LAST - TICK, redeemed_at=LAST - TICK)
        add(people, edge)
        assert_same(get(people, edge), edge)

    @pytest.mark.rule("K1")
    def test_a_login_tokens_digest_in_use_runs_the_unit_again(self, people: Units[Unit]) -> None:
        def draw(unit: Unit, digest: Digest) -> None:
            unit.login_tokens.add(a_login_token(digest=digest, expires_at=LAST - TICK))

        add(people, LOGIN_TOKEN)
        check_runs_again(people, draw, taken=LOGIN_TOKEN.digest, free=digest_of("free"))
        assert get(people) == LOGIN_TOKEN
        assert get(people, a_login_token(digest=digest_of("free")))

    @pytest.mark.rule("K1")
    def test_login_tokens_of_two_users_may_have_one_digest(self, people: Units[Unit]) -> None:
        add(people, LOGIN_TOKEN, BOBS)
        redeem(people, BOBS)
        assert get(people) == LOGIN_TOKEN

    @pytest.mark.rule("K3")
    def test_what_is_not_there_is_none_and_cannot_be_redeemed(self, people: Units[Unit]) -> None:
        add(people, LOGIN_TOKEN)
        for absent in (BOBS, numbered(1)):
            assert get(people, absent) is None
            assert redeem(people, absent) is None
        assert get(people) == LOGIN_TOKEN

    @pytest.mark.rule("K3")
    def test_spending_gives_the_token_as_it_is_now_and_only_once(self, people: Units[Unit]) -> None:
        add(people, LOGIN_TOKEN)
        redeemed = redeem(people, at=NOON + TICK)
        assert_same(redeemed, evolve(LOGIN_TOKEN, redeemed_at=NOON + TICK))
        assert redeem(people, at=NOON) is None
        assert get(people) == redeemed

    @pytest.mark.rule("K3")
    def test_whether_it_is_expired_is_not_looked_at(self, people: Units[Unit]) -> None:
        add(people, LOGIN_TOKEN)
        assert redeem(people, at=LOGIN_TOKEN.expires_at + TICK)

    @pytest.mark.rule("K3")
    def test_a_unit_that_fails_spends_nothing(self, people: Units[Unit]) -> None:
        add(people, LOGIN_TOKEN)
        write_and_fail(people, lambda unit: unit.login_tokens.redeem(ANN, LOGIN_TOKEN.digest, at=NOON))
        write_and_fail(people, lambda unit: unit.login_tokens.revoke_all(ANN, at=NOON))
        assert get(people) == LOGIN_TOKEN
        assert redeem(people)

    @pytest.mark.rule("K9")
    def test_spending_all_spends_the_users_own_that_are_not_redeemed(self, people: Units[Unit]) -> None:
        add(people, LOGIN_TOKEN, numbered(1), SPENT, BOBS)
        assert people.write(lambda unit: unit.login_tokens.revoke_all(ANN, at=NOON)) == 2
        assert people.write(lambda unit: unit.login_tokens.revoke_all(ANN, at=NOON + TICK)) == 0
        assert [get(people, token) for token in (LOGIN_TOKEN, SPENT, BOBS)] == [
            evolve(LOGIN_TOKEN, redeemed_at=NOON),
            SPENT,
            BOBS,
        ]

    @pytest.mark.rule("K8")
    def test_login_tokens_that_were_spent_or_expired_before_are_removed(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        gone = [
            numbered(1, redeemed_at=NOON - TICK),
            numbered(2, expires_at=NOON - TICK),
            numbered(5, expires_at=NOON - TICK, redeemed_at=NOON),
            evolve(BOBS, user_id=STRANGER, expires_at=FIRST),
        ]
        stay = [numbered(3, redeemed_at=NOON), numbered(4, expires_at=NOON), LOGIN_TOKEN]
        add_people(acme, ACME, STRANGER)
        add(people, *gone, *stay)
        assert people.write(lambda unit: unit.login_tokens.remove_expired(NOON, limit=9)) == len(gone)
        assert [get(people, token) for token in gone] == [None] * len(gone)
        assert [get(people, token) for token in stay] == stay
        add(people, *gone)

    @pytest.mark.rule("K8")
    def test_no_more_login_tokens_are_removed_than_asked(self, people: Units[Unit]) -> None:
        several = [numbered(number, redeemed_at=FIRST) for number in range(5)]
        add(people, *several)
        counts = [people.write(lambda unit: unit.login_tokens.remove_expired(NOON, limit=2)) for _ in range(4)]
        assert counts == [2, 2, 1, 0]
        assert [get(people, token) for token in several] == [None] * 5

    @pytest.mark.rule("K3")
    def test_one_of_eight_threads_spends_it(self, people: Units[Unit]) -> None:
        def look_then_spend(number: int, meet: Meet) -> bool:
            assert get(people) == LOGIN_TOKEN
            meet()
            if number:
                return redeem(people) is not None
            return people.write(lambda unit: unit.login_tokens.revoke_all(ANN, at=NOON)) == 1

        add(people, LOGIN_TOKEN)
        assert sorted(race(look_then_spend)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("K3")
    def test_one_of_two_open_units_spends_it(self, people: Units[Unit]) -> None:
        def look_then_spend(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.login_tokens.get(ANN, LOGIN_TOKEN.digest)
            meet()
            return unit.login_tokens.redeem(ANN, LOGIN_TOKEN.digest, at=NOON) is not None

        add(people, LOGIN_TOKEN)
        assert sorted(overlap(people, look_then_spend)) == [False, True]
