"""What every storage must do for limited-use tokens."""

from collections.abc import Collection, Mapping
from datetime import datetime

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.kernel.time import FIRST, LAST, to_micros
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import (
    Contract,
    add_users,
    assert_same,
    check_runs_again,
    check_stored_completely,
    digests,
    store,
    with_unique,
    write_and_fail,
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.contracts.rows import check_pages
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACME, ANN, BOB, LIMITED_USE_TOKEN, a_limited_use_token
from usercore.testing.strategies import ids, limited_use_tokens
from usercore.tokens.kinds import TokenKind
from usercore.tokens.model import LimitedUseToken

ACMES_USER = UserId(11)
BOBS = a_limited_use_token(user_id=BOB)
KIND, ANOTHER_KIND, ONE_MORE_KIND = TokenKind.LOGIN, TokenKind.REGISTRATION, TokenKind.ACCESS
"""A storage treats all kinds alike."""


def add(units: Units[Unit], *tokens: LimitedUseToken) -> None:
    """Store tokens."""
    store(units, lambda unit: unit.limited_use_tokens.add, *tokens)


def get(units: Units[Unit], token: LimitedUseToken = LIMITED_USE_TOKEN) -> LimitedUseToken | None:
    """Return a token as it is now, or None."""
    return units.read(lambda unit: unit.limited_use_tokens.get(token.user_id, token.digest))


def redeem(
    units: Units[Unit], token: LimitedUseToken = LIMITED_USE_TOKEN, *, at: datetime = NOON
) -> LimitedUseToken | None:
    """Redeem a token in a unit of its own."""
    return units.write(lambda unit: unit.limited_use_tokens.redeem(token.user_id, token.digest, at=at))


def revoke(
    units: Units[Unit], token: LimitedUseToken = LIMITED_USE_TOKEN, *, at: datetime = NOON
) -> LimitedUseToken | None:
    """Revoke a token in a unit of its own."""
    return units.write(lambda unit: unit.limited_use_tokens.revoke(token.user_id, token.digest, at=at))


def revoke_all(
    units: Units[Unit], kinds: Collection[TokenKind] = (KIND,), *, at: datetime = NOON
) -> Mapping[TokenKind, int]:
    """Revoke Ann's tokens of these kinds in a unit of its own, and return the kinds of which there were any."""
    counts = units.write(lambda unit: unit.limited_use_tokens.revoke_all(ANN, kinds, at=at))
    return {kind: count for kind, count in counts.items() if count}


def numbered(number: int, **fields: object) -> LimitedUseToken:
    """Return a token of Ann's with a digest of its own."""
    return evolve(LIMITED_USE_TOKEN, digest=digest_of(str(number)), **fields)


class LimitedUseTokenRepositoryContract(Contract):
    """One case a promise of ``LimitedUseTokenRepository``."""

    @pytest.mark.rule("K3")
    def test_limited_use_tokens_are_stored_whole(self, people: Units[Unit]) -> None:
        check_stored_completely(
            people,
            with_unique(limited_use_tokens(user_id=ids().map(lambda _: ANN)), "digest", digests()),
            add=lambda unit, token: unit.limited_use_tokens.add(token),
            get=lambda unit, token: unit.limited_use_tokens.get(ANN, token.digest),
        )

    @pytest.mark.rule("K3")
    def test_limited_use_tokens_with_values_at_the_edge_are_stored(self, people: Units[Unit]) -> None:
        last = LAST - TICK
        edge = LimitedUseToken(
            user_id=ANN,
            digest=Digest(bytes(32)),
            kind=KIND,
            issued_at=FIRST,
            valid_from=FIRST,
            expires_at=last,
            max_uses=1000,
            uses=1000,
            redeemed_at=last,
            revoked_at=last,
        )
        add(people, edge)
        assert_same(get(people, edge), edge)

    @pytest.mark.rule("K1")
    def test_a_limited_use_tokens_digest_in_use_runs_the_unit_again(self, people: Units[Unit]) -> None:
        def generate(unit: Unit, digest: Digest) -> None:
            unit.limited_use_tokens.add(a_limited_use_token(digest=digest, expires_at=LAST - TICK))

        add(people, LIMITED_USE_TOKEN)
        check_runs_again(people, generate, taken=LIMITED_USE_TOKEN.digest, free=digest_of("free"))
        assert get(people) == LIMITED_USE_TOKEN
        assert get(people, a_limited_use_token(digest=digest_of("free")))

    @pytest.mark.rule("K1")
    def test_limited_use_tokens_of_two_users_may_have_one_digest(self, people: Units[Unit]) -> None:
        add(people, LIMITED_USE_TOKEN, BOBS)
        redeem(people, BOBS)
        assert get(people) == LIMITED_USE_TOKEN

    @pytest.mark.rule("K3")
    def test_a_limited_use_token_that_is_not_stored_is_none_and_cannot_be_redeemed(self, people: Units[Unit]) -> None:
        add(people, LIMITED_USE_TOKEN)
        for absent in (BOBS, numbered(1)):
            assert get(people, absent) is None
            assert redeem(people, absent) is None
        assert get(people) == LIMITED_USE_TOKEN

    @pytest.mark.rule("K3")
    def test_redeeming_returns_the_token_as_it_is_now_and_only_once(self, people: Units[Unit]) -> None:
        add(people, LIMITED_USE_TOKEN)
        redeemed = redeem(people, at=NOON + TICK)
        assert_same(redeemed, evolve(LIMITED_USE_TOKEN, uses=1, redeemed_at=NOON + TICK))
        assert redeem(people, at=NOON) is None
        assert get(people) == redeemed

    @pytest.mark.rule("K4")
    def test_a_token_is_redeemed_as_often_as_it_can_be(self, people: Units[Unit]) -> None:
        token = a_limited_use_token(max_uses=3, uses=1, redeemed_at=FIRST)
        add(people, token)
        for uses in (2, 3):
            at = NOON + uses * TICK
            assert_same(redeem(people, at=at), evolve(token, uses=uses, redeemed_at=at))
        assert redeem(people) is None
        assert get(people) == evolve(token, uses=3, redeemed_at=NOON + 3 * TICK)

    @pytest.mark.rule("K3")
    def test_a_revoked_token_cannot_be_redeemed(self, people: Units[Unit]) -> None:
        revoked = a_limited_use_token(max_uses=2, revoked_at=NOON)
        add(people, revoked)
        assert redeem(people) is None
        assert get(people) == revoked

    @pytest.mark.rule("K3")
    def test_redeeming_does_not_check_when_a_token_is_valid(self, people: Units[Unit]) -> None:
        later = numbered(1, valid_from=NOON + TICK)
        add(people, LIMITED_USE_TOKEN, later)
        assert redeem(people, at=LIMITED_USE_TOKEN.expires_at + TICK)
        assert redeem(people, later, at=NOON)

    @pytest.mark.rule("K3")
    def test_a_unit_that_fails_redeems_and_revokes_no_token(self, people: Units[Unit]) -> None:
        add(people, LIMITED_USE_TOKEN)
        write_and_fail(people, lambda unit: unit.limited_use_tokens.redeem(ANN, LIMITED_USE_TOKEN.digest, at=NOON))
        write_and_fail(people, lambda unit: unit.limited_use_tokens.revoke(ANN, LIMITED_USE_TOKEN.digest, at=NOON))
        write_and_fail(people, lambda unit: unit.limited_use_tokens.revoke_all(ANN, [KIND], at=NOON))
        assert get(people) == LIMITED_USE_TOKEN
        assert redeem(people)

    @pytest.mark.rule("K4")
    def test_a_users_tokens_of_a_kind_are_listed_newest_first_then_by_digest(self, people: Units[Unit]) -> None:
        def of(number: int, **fields: object) -> LimitedUseToken:
            return evolve(LIMITED_USE_TOKEN, digest=Digest(number.to_bytes(32, "big")), **fields)

        newest_first = [
            of(9, issued_at=NOON),
            of(1, issued_at=NOON - TICK, revoked_at=NOON),
            of(2, issued_at=NOON - TICK, uses=1, redeemed_at=NOON),
            of(255, issued_at=NOON - TICK),
            of(0, issued_at=FIRST, expires_at=FIRST),
        ]
        add(people, *newest_first[::2], BOBS, of(3, kind=ANOTHER_KIND), *newest_first[1::2])
        assert people.read(lambda unit: unit.limited_use_tokens.list_of(ANN, KIND)) == newest_first
        assert people.read(lambda unit: unit.limited_use_tokens.list_of(ANN, ONE_MORE_KIND)) == []
        assert people.read(lambda unit: unit.limited_use_tokens.list_of(UserId(999), KIND)) == []

    @pytest.mark.rule("K4", "X8")
    def test_tokens_of_a_kind_that_were_not_revoked_are_listed_page_by_page(self, people: Units[Unit]) -> None:
        at_once = [numbered(1, issued_at=NOON - TICK, uses=1, redeemed_at=NOON), numbered(2, issued_at=NOON - TICK)]
        several = [
            numbered(9, issued_at=NOON),
            *sorted(at_once, key=lambda token: token.digest),
            numbered(0, issued_at=FIRST, expires_at=FIRST),
        ]
        others = [numbered(3, kind=ANOTHER_KIND), numbered(5, issued_at=NOON - TICK, revoked_at=NOON), BOBS]
        add(people, *several[::2], *others, *several[1::2])
        check_pages(
            people,
            lambda unit, after, size: unit.limited_use_tokens.list_from(ANN, KIND, after, limit=size),
            place_of=lambda token: (to_micros(token.issued_at), token.digest),
            expected=several,
        )

    @pytest.mark.rule("K4")
    def test_revoking_returns_the_token_as_it_is_now_and_only_once(self, people: Units[Unit]) -> None:
        used_once = numbered(1, max_uses=2, uses=1, redeemed_at=FIRST)
        add(people, LIMITED_USE_TOKEN, used_once, BOBS)
        for token in (LIMITED_USE_TOKEN, used_once):
            revoked = revoke(people, token)
            assert_same(revoked, evolve(token, revoked_at=NOON))
            assert revoke(people, token, at=NOON + TICK) is None
            assert redeem(people, token) is None
            assert get(people, token) == revoked
        assert get(people, BOBS) == BOBS

    @pytest.mark.rule("K4")
    def test_a_token_that_is_used_up_or_not_stored_is_not_revoked(self, people: Units[Unit]) -> None:
        used_up = a_limited_use_token(uses=1, redeemed_at=FIRST)
        add(people, used_up)
        for token in (used_up, BOBS, numbered(1)):
            assert revoke(people, token) is None
        assert get(people) == used_up

    @pytest.mark.rule("K9")
    def test_revoking_all_revokes_the_users_tokens_of_these_kinds_that_have_uses_left(
        self, people: Units[Unit]
    ) -> None:
        used_once = numbered(1, kind=ANOTHER_KIND, max_uses=2, uses=1, redeemed_at=NOON - TICK)
        open_ones = [LIMITED_USE_TOKEN, used_once, numbered(2, expires_at=FIRST)]
        others = [
            numbered(3, uses=1, redeemed_at=NOON - TICK),
            numbered(4, revoked_at=NOON - TICK),
            numbered(5, kind=ONE_MORE_KIND),
            BOBS,
        ]
        add(people, *open_ones, *others)
        assert revoke_all(people, {KIND, ANOTHER_KIND}) == {KIND: 2, ANOTHER_KIND: 1}
        assert revoke_all(people, {KIND, ANOTHER_KIND}, at=NOON + TICK) == {}
        assert [get(people, token) for token in open_ones] == [evolve(token, revoked_at=NOON) for token in open_ones]
        assert [get(people, token) for token in others] == others

    @pytest.mark.rule("K9", "E3")
    def test_only_limited_use_tokens_issued_since_an_instant_are_revoked(self, people: Units[Unit]) -> None:
        earlier = numbered(1, issued_at=NOON - TICK)
        since = [numbered(2, issued_at=NOON), numbered(3, issued_at=NOON + TICK)]
        add(people, earlier, *since)

        def revoke(unit: Unit) -> Mapping[TokenKind, int]:
            return unit.limited_use_tokens.revoke_all(ANN, [KIND], at=NOON + TICK, since=NOON)

        assert people.write(revoke)[KIND] == len(since)
        assert [get(people, token) for token in since] == [evolve(token, revoked_at=NOON + TICK) for token in since]
        assert get(people, earlier) == earlier

    @pytest.mark.rule("K9")
    def test_revoking_all_tokens_of_no_kind_revokes_none(self, people: Units[Unit]) -> None:
        add(people, LIMITED_USE_TOKEN)
        assert revoke_all(people, []) == {}
        assert revoke_all(people, [ANOTHER_KIND]) == {}
        assert get(people) == LIMITED_USE_TOKEN
        assert revoke_all(people, list(TokenKind)) == {KIND: 1}

    @pytest.mark.rule("K8")
    def test_limited_use_tokens_that_are_over_since_before_are_removed(
        self, people: Units[Unit], acme: Units[Unit]
    ) -> None:
        gone = [
            numbered(1, uses=1, redeemed_at=NOON - TICK),
            numbered(2, expires_at=NOON - TICK),
            numbered(3, expires_at=NOON - TICK, uses=1, redeemed_at=NOON),
            numbered(4, revoked_at=NOON - TICK),
            numbered(5, revoked_at=NOON, expires_at=NOON - TICK),
            evolve(BOBS, user_id=ACMES_USER, expires_at=FIRST),
        ]
        stay = [
            numbered(6, uses=1, redeemed_at=NOON),
            numbered(7, expires_at=NOON),
            numbered(8, revoked_at=NOON),
            numbered(9, max_uses=2, uses=1, redeemed_at=FIRST),
            LIMITED_USE_TOKEN,
        ]
        add_users(acme, ACME, ACMES_USER)
        add(people, *gone, *stay)
        assert people.write(lambda unit: unit.limited_use_tokens.remove_expired(NOON, limit=9)) == len(gone)
        assert [get(people, token) for token in gone] == [None] * len(gone)
        assert [get(people, token) for token in stay] == stay
        add(people, *gone)

    @pytest.mark.rule("K8")
    def test_no_more_limited_use_tokens_are_removed_than_asked(self, people: Units[Unit]) -> None:
        several = [numbered(number, uses=1, redeemed_at=FIRST) for number in range(5)]
        add(people, *several)
        counts = [people.write(lambda unit: unit.limited_use_tokens.remove_expired(NOON, limit=2)) for _ in range(4)]
        assert counts == [2, 2, 1, 0]
        assert [get(people, token) for token in several] == [None] * 5

    @pytest.mark.rule("K3")
    def test_one_of_eight_threads_redeems_or_revokes_a_token(self, people: Units[Unit]) -> None:
        def look_then_redeem(number: int, meet: Meet) -> bool:
            assert get(people) == LIMITED_USE_TOKEN
            meet()
            if number == 1:
                return revoke(people) is not None
            return redeem(people) is not None if number else revoke_all(people) == {KIND: 1}

        add(people, LIMITED_USE_TOKEN)
        assert sorted(race(look_then_redeem)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("K4")
    def test_as_many_of_eight_threads_redeem_a_token_as_it_has_uses(self, people: Units[Unit]) -> None:
        def look_then_redeem(_: int, meet: Meet) -> bool:
            assert get(people) == a_limited_use_token(max_uses=3)
            meet()
            return redeem(people) is not None

        add(people, a_limited_use_token(max_uses=3))
        assert sorted(race(look_then_redeem)) == [False] * (THREADS - 3) + [True] * 3

    @pytest.mark.rule("K3")
    def test_one_of_two_open_units_redeems_or_revokes_a_token(self, people: Units[Unit]) -> None:
        def look_then_change(unit: Unit, number: int, meet: Meet) -> bool:
            assert unit.limited_use_tokens.get(ANN, LIMITED_USE_TOKEN.digest)
            meet()
            change = unit.limited_use_tokens.revoke if number else unit.limited_use_tokens.redeem
            return change(ANN, LIMITED_USE_TOKEN.digest, at=NOON) is not None

        add(people, LIMITED_USE_TOKEN)
        assert sorted(overlap(people, look_then_change)) == [False, True]

    @pytest.mark.rule("K3")
    def test_one_of_two_open_units_redeems_a_token(self, people: Units[Unit]) -> None:
        def look_then_redeem(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.limited_use_tokens.get(ANN, LIMITED_USE_TOKEN.digest)
            meet()
            return unit.limited_use_tokens.redeem(ANN, LIMITED_USE_TOKEN.digest, at=NOON) is not None

        add(people, LIMITED_USE_TOKEN)
        assert sorted(overlap(people, look_then_redeem)) == [False, True]
