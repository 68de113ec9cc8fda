"""The contract of access tokens."""

from datetime import datetime, timedelta

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
)
from usercore.testing.contracts.races import THREADS, Meet, overlap, race
from usercore.testing.contracts.rows import check_pages
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACCESS_TOKEN, ACME, ANN, BOB, an_access_token
from usercore.testing.strategies import access_tokens, ids
from usercore.tokens.model import AccessToken

DAY = timedelta(days=1)
DIGEST = ACCESS_TOKEN.digest
ENDED = an_access_token(digest=digest_of("ended"), revoked_at=NOON - DAY)
UNKNOWN_DIGEST = UserId(11)
BOBS = an_access_token(user_id=BOB)


def add(units: Units[Unit], *tokens: AccessToken) -> None:
    """Store tokens."""
    store(units, lambda unit: unit.access_tokens.add, *tokens)


def get(units: Units[Unit], token: AccessToken = ACCESS_TOKEN) -> AccessToken | None:
    """Return a token as it is now, or None."""
    return units.read(lambda unit: unit.access_tokens.get(token.user_id, token.digest))


def revoke(units: Units[Unit], token: AccessToken = ACCESS_TOKEN, *, at: datetime = NOON) -> AccessToken | None:
    """Revoke a token in a unit of its own."""
    return units.write(lambda unit: unit.access_tokens.revoke(token.user_id, token.digest, at=at))


def numbered(number: int, **fields: object) -> AccessToken:
    """Return a token with its own digest, in the order of its number."""
    return evolve(ACCESS_TOKEN, digest=Digest(number.to_bytes(32, "big")), **fields)


class AccessTokenRepositoryContract(Contract):
    """One case for each promise of ``AccessTokenRepository``."""

    @pytest.mark.rule("K2")
    def test_access_tokens_are_stored_completely(self, people: Units[Unit]) -> None:
        check_stored_completely(
            people,
            with_unique(access_tokens(user_id=ids().map(lambda _: ANN)), "digest", digests()),
            add=lambda unit, token: unit.access_tokens.add(token),
            get=lambda unit, token: unit.access_tokens.get(ANN, token.digest),
        )

    @pytest.mark.rule("K2")
    def test_access_tokens_with_boundary_values_are_stored(self, people: Units[Unit]) -> None:
        edges = [
            numbered(0, source=None, ip=None, user_agent=None),
            numbered(1, source="", ip="", user_agent="", authenticator=""),
            numbered(2**256 - 1, user_agent="é" * 256, issued_at=FIRST, expires_at=LAST - TICK, revoked_at=FIRST),
        ]
        add(people, *edges)
        for token in edges:
            assert_same(get(people, token), token)

    @pytest.mark.rule("K1")
    def test_an_access_tokens_digest_in_use_runs_the_unit_again(self, people: Units[Unit]) -> None:
        def draw(unit: Unit, digest: Digest) -> None:
            unit.access_tokens.add(an_access_token(digest=digest, source="second"))

        add(people, ACCESS_TOKEN)
        check_runs_again(people, draw, taken=DIGEST, free=digest_of("free"))
        assert get(people) == ACCESS_TOKEN
        assert get(people, an_access_token(digest=digest_of("free")))

    @pytest.mark.rule("K1")
    def test_access_tokens_of_two_users_may_have_one_digest(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN, BOBS)
        revoke(people, BOBS)
        assert get(people) == ACCESS_TOKEN

    @pytest.mark.rule("K1")
    def test_a_missing_access_token_is_none(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN)
        assert get(people, BOBS) is None
        assert get(people, an_access_token(digest=digest_of("other"))) is None
        assert revoke(people, BOBS) is None
        assert get(people) == ACCESS_TOKEN

    @pytest.mark.rule("K2")
    def test_a_users_tokens_are_listed_newest_first_then_by_digest(self, people: Units[Unit]) -> None:
        newest_first = [
            numbered(9, issued_at=NOON),
            numbered(1, issued_at=NOON - TICK, revoked_at=NOON),
            numbered(2, issued_at=NOON - TICK),
            numbered(255, issued_at=NOON - TICK),
            numbered(0, issued_at=NOON - DAY, expires_at=NOON - TICK),
        ]
        add(people, *newest_first[::2], BOBS, *newest_first[1::2])
        assert people.read(lambda unit: unit.access_tokens.list_of(ANN)) == newest_first
        assert people.read(lambda unit: unit.access_tokens.list_of(UserId(999))) == []

    @pytest.mark.rule("K2", "X8")
    def test_a_users_tokens_that_were_not_revoked_are_listed_page_by_page(self, people: Units[Unit]) -> None:
        several = [
            numbered(9, issued_at=NOON),
            numbered(1, issued_at=NOON - TICK),
            numbered(2, issued_at=NOON - TICK),
            numbered(0, issued_at=NOON - DAY, expires_at=NOON - TICK),
        ]
        add(people, *several[::2], BOBS, numbered(5, issued_at=NOON - TICK, revoked_at=NOON), *several[1::2])
        check_pages(
            people,
            lambda unit, after, size: unit.access_tokens.list_from(ANN, after, limit=size),
            place_of=lambda token: (to_micros(token.issued_at), token.digest),
            expected=several,
        )

    @pytest.mark.rule("K2")
    def test_revoke_returns_the_current_token_and_only_once(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN)
        ended = revoke(people)
        assert_same(ended, evolve(ACCESS_TOKEN, revoked_at=NOON))
        assert revoke(people, at=NOON + DAY) is None
        assert get(people) == ended

    @pytest.mark.rule("K2")
    def test_an_expired_token_can_be_revoked(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN)
        assert revoke(people, at=ACCESS_TOKEN.expires_at + DAY)

    @pytest.mark.rule("K9", "E3")
    def test_only_access_tokens_issued_since_an_instant_are_revoked(self, people: Units[Unit]) -> None:
        earlier = numbered(1, issued_at=NOON - TICK)
        since = [numbered(2, issued_at=NOON), numbered(3, issued_at=NOON + TICK)]
        add(people, earlier, *since, evolve(BOBS, issued_at=NOON))
        at = NOON + DAY
        assert people.write(lambda unit: unit.access_tokens.revoke_all(ANN, at=at, since=NOON)) == len(since)
        assert [get(people, token) for token in since] == [evolve(token, revoked_at=at) for token in since]
        assert get(people, earlier) == earlier

    @pytest.mark.parametrize("with_digest", [None, DIGEST, digest_of("not stored")], ids=["none", "one", "unknown"])
    @pytest.mark.rule("K9")
    def test_revoke_all_revokes_all_unrevoked_tokens_except_one(
        self, people: Units[Unit], with_digest: Digest | None
    ) -> None:
        others = [numbered(number) for number in range(3)]
        add(people, ACCESS_TOKEN, ENDED, BOBS, *others)
        count = people.write(lambda unit: unit.access_tokens.revoke_all(ANN, at=NOON, keep=with_digest))
        assert count == (3 if with_digest == DIGEST else 4)
        assert get(people) == evolve(ACCESS_TOKEN, revoked_at=None if with_digest == DIGEST else NOON)
        assert [get(people, token) for token in others] == [evolve(token, revoked_at=NOON) for token in others]
        assert [get(people, token) for token in (ENDED, BOBS)] == [ENDED, BOBS]

    @pytest.mark.rule("K2")
    def test_last_use_moves_only_forward(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN)
        for at, last in ((NOON, NOON), (NOON - DAY, NOON), (NOON, NOON), (NOON + TICK, NOON + TICK)):
            people.write(lambda unit: unit.access_tokens.touch([(ANN, DIGEST, at)]))  # noqa: B023 - used at once
            assert_same(get(people), evolve(ACCESS_TOKEN, last_used_at=last))

    @pytest.mark.rule("U2")
    def test_the_last_use_of_any_token_of_a_user_is_found(self, people: Units[Unit]) -> None:
        def last() -> datetime | None:
            return people.read(lambda unit: unit.access_tokens.last_used_at(ANN))

        add(people, evolve(BOBS, last_used_at=LAST - TICK))
        assert last() is None
        add(people, numbered(1, last_used_at=NOON), numbered(2, last_used_at=NOON - TICK))
        assert last() == NOON
        add(people, numbered(3, last_used_at=NOON + TICK, revoked_at=NOON + TICK))
        found = last()
        assert (found, found and found.tzinfo) == (NOON + TICK, NOON.tzinfo)

    @pytest.mark.rule("K2")
    def test_touch_updates_only_stored_tokens_that_are_not_revoked(self, people: Units[Unit]) -> None:
        several = [numbered(number) for number in range(600)]
        uses = [(token.user_id, token.digest, NOON + TICK) for token in (ENDED, *several[1:])]
        add(people, ENDED, BOBS, *several)
        people.write(lambda unit: unit.access_tokens.touch(iter([*uses, (ANN, digest_of("not stored"), NOON)])))
        people.write(lambda unit: unit.access_tokens.touch([]))
        assert [get(people, token) for token in (ENDED, BOBS, several[0])] == [ENDED, BOBS, several[0]]
        assert {stored.last_used_at for stored in (get(people, token) for token in several[1:]) if stored} == {
            NOON + TICK
        }

    @pytest.mark.rule("K2")
    def test_touch_stores_the_later_of_two_uses(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN)
        uses = [(ANN, DIGEST, NOON + at * TICK) for at in (1, 3, 2)]
        people.write(lambda unit: unit.access_tokens.touch(uses))
        assert get(people) == evolve(ACCESS_TOKEN, last_used_at=NOON + 3 * TICK)

    @pytest.mark.rule("K8")
    def test_access_tokens_revoked_or_expired_earlier_are_removed(self, people: Units[Unit], acme: Units[Unit]) -> None:
        gone = [
            numbered(1, revoked_at=NOON - TICK),
            numbered(2, expires_at=NOON - TICK),
            numbered(5, expires_at=NOON - TICK, revoked_at=NOON),
            evolve(BOBS, user_id=UNKNOWN_DIGEST, expires_at=FIRST),
        ]
        stay = [numbered(3, revoked_at=NOON), numbered(4, expires_at=NOON), ACCESS_TOKEN]
        add_users(acme, ACME, UNKNOWN_DIGEST)
        add(people, *gone, *stay)
        assert people.write(lambda unit: unit.access_tokens.remove_expired(NOON, limit=9)) == len(gone)
        assert [get(people, token) for token in gone] == [None] * len(gone)
        assert [get(people, token) for token in stay] == stay
        add(people, *gone)

    @pytest.mark.rule("K8")
    def test_at_most_limit_access_tokens_are_removed(self, people: Units[Unit]) -> None:
        add(people, *(numbered(number, revoked_at=FIRST) for number in range(5)))
        counts = [people.write(lambda unit: unit.access_tokens.remove_expired(NOON, limit=2)) for _ in range(4)]
        assert counts == [2, 2, 1, 0]
        assert people.read(lambda unit: unit.access_tokens.list_of(ANN)) == []

    @pytest.mark.rule("K2")
    def test_only_one_of_eight_threads_revokes_a_token(self, people: Units[Unit]) -> None:
        def read_then_revoke(number: int, meet: Meet) -> bool:
            assert get(people) == ACCESS_TOKEN
            meet()
            if number % 2:
                return revoke(people) is not None
            return people.write(lambda unit: unit.access_tokens.revoke_all(ANN, at=NOON)) == 1

        add(people, ACCESS_TOKEN)
        assert sorted(race(read_then_revoke)) == [False] * (THREADS - 1) + [True]

    @pytest.mark.rule("K2")
    def test_only_one_of_two_open_units_revokes_a_token(self, people: Units[Unit]) -> None:
        def read_then_revoke(unit: Unit, _: int, meet: Meet) -> bool:
            assert unit.access_tokens.get(ANN, DIGEST)
            meet()
            return unit.access_tokens.revoke(ANN, DIGEST, at=NOON) is not None

        add(people, ACCESS_TOKEN)
        assert sorted(overlap(people, read_then_revoke)) == [False, True]

    @pytest.mark.rule("K8")
    def test_the_user_agent_of_a_token_is_not_removed_before_the_token_expires(self, people: Units[Unit]) -> None:
        add(people, an_access_token(user_agent="of a token", issued_at=NOON, expires_at=NOON + 365 * DAY))
        people.write(lambda unit: unit.user_agents.remove_unused(NOON + 365 * DAY, limit=1000))
        (token,) = people.read(lambda unit: unit.access_tokens.list_of(ANN))
        assert token.user_agent == "of a token"
