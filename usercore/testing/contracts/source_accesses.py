"""The contract of the sources that users came from, and of how uses of access tokens move them."""

from datetime import datetime

import pytest

from usercore.kernel.entity import evolve
from usercore.kernel.ids import UserId
from usercore.kernel.secret import Digest, digest_of
from usercore.kernel.time import FIRST, LAST, to_micros
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.access_tokens import add, numbered
from usercore.testing.contracts.base import Contract, assert_same, check_for_all, write_and_fail
from usercore.testing.contracts.races import Meet, overlap
from usercore.testing.contracts.rows import check_pages
from usercore.testing.fakes import NOON, TICK
from usercore.testing.samples import ACCESS_TOKEN, ANN, BOB, SOURCE_ACCESS
from usercore.testing.strategies import entities
from usercore.tokens.model import SourceAccess


def touch(units: Units[Unit], *accesses: SourceAccess) -> None:
    """Store that users came from sources."""

    def work(unit: Unit) -> None:
        for access in accesses:
            unit.lock(access.user_id)
            unit.source_accesses.touch(access)

    units.write(work)


def use(units: Units[Unit], *uses: tuple[Digest, datetime]) -> None:
    """Store that Ann's tokens were used."""
    units.write(lambda unit: unit.access_tokens.touch((ANN, digest, at) for digest, at in uses))


def listed(units: Units[Unit], user_id: UserId = ANN) -> dict[str, datetime]:
    """Return when a user last came from each source."""
    found = units.read(lambda unit: unit.source_accesses.list_from(user_id, None, limit=1000))
    return {access.source: access.last_accessed_at for access in found}


class SourceAccessRepositoryContract(Contract):
    """One case for each promise of ``SourceAccessRepository``, and for what a use of a token does to it."""

    @pytest.mark.rule("X4")
    def test_accesses_are_stored_completely(self, people: Units[Unit]) -> None:
        def check(drawn: SourceAccess) -> None:
            access = evolve(drawn, user_id=ANN)
            touch(people, access)
            place = to_micros(LAST), ""
            found = people.read(lambda unit: unit.source_accesses.list_from(ANN, place, limit=1000))
            (stored,) = [one for one in found if one.source == access.source]
            assert stored.last_accessed_at >= access.last_accessed_at
            assert_same(evolve(stored, last_accessed_at=access.last_accessed_at), access)

        check_for_all(entities(SourceAccess), check)

    @pytest.mark.rule("X4", "X8")
    def test_sources_are_listed_page_by_page_the_latest_first_then_by_source(self, people: Units[Unit]) -> None:
        in_order = [
            SourceAccess(user_id=ANN, source="z", last_accessed_at=LAST - TICK),
            SourceAccess(user_id=ANN, source="A", last_accessed_at=NOON),
            SourceAccess(user_id=ANN, source="a", last_accessed_at=NOON),
            SourceAccess(user_id=ANN, source="é", last_accessed_at=NOON),
            SourceAccess(user_id=ANN, source="😀" * 255, last_accessed_at=NOON),
            SourceAccess(user_id=ANN, source="b", last_accessed_at=FIRST),
        ]
        touch(people, *in_order[::2], evolve(SOURCE_ACCESS, user_id=BOB), *in_order[1::2])
        check_pages(
            people,
            lambda unit, after, size: unit.source_accesses.list_from(ANN, after, limit=size),
            place_of=lambda access: (to_micros(access.last_accessed_at), access.source),
            expected=in_order,
        )
        assert listed(people, BOB) == {"app": NOON}
        assert listed(people, UserId(999)) == {}

    @pytest.mark.rule("X4")
    def test_an_access_moves_only_forward(self, people: Units[Unit]) -> None:
        for at, last in ((NOON, NOON), (NOON - TICK, NOON), (NOON, NOON), (NOON + TICK, NOON + TICK)):
            touch(people, evolve(SOURCE_ACCESS, last_accessed_at=at))
            assert listed(people) == {"app": last}

    @pytest.mark.rule("X4", "K2")
    def test_the_use_of_a_token_is_an_access_from_its_source(self, people: Units[Unit]) -> None:
        app, desk = numbered(1, source="app"), numbered(2, source="desk")
        bare, revoked = numbered(3, source=None), numbered(4, source="old", revoked_at=NOON)
        add(people, app, desk, bare, revoked)
        nothing: list[tuple[UserId, Digest, datetime]] = []
        people.write(lambda unit: unit.access_tokens.touch(nothing))
        use(people, (app.digest, NOON + TICK), (desk.digest, NOON), (bare.digest, NOON), (revoked.digest, NOON))
        use(people, (digest_of("not stored"), NOON + TICK), (app.digest, NOON))
        assert listed(people) == {"app": NOON + TICK, "desk": NOON}
        write_and_fail(people, lambda unit: unit.access_tokens.touch([(ANN, desk.digest, NOON + TICK)]))
        assert listed(people)["desk"] == NOON

    @pytest.mark.rule("X4", "K2")
    def test_a_use_at_the_instant_of_the_sign_in_is_an_access(self, people: Units[Unit]) -> None:
        add(people, ACCESS_TOKEN)
        use(people, (ACCESS_TOKEN.digest, ACCESS_TOKEN.last_used_at))
        assert listed(people) == {"app": ACCESS_TOKEN.last_used_at}

    @pytest.mark.rule("X4", "K2")
    def test_a_late_write_of_an_earlier_use_never_moves_an_access_back(self, people: Units[Unit]) -> None:
        first, second = numbered(1), numbered(2)
        add(people, first, second)
        use(people, (first.digest, NOON + TICK), (second.digest, NOON))
        use(people, (second.digest, NOON - TICK), (first.digest, NOON))
        touch(people, evolve(SOURCE_ACCESS, last_accessed_at=NOON))
        assert listed(people) == {"app": NOON + TICK}

    @pytest.mark.parametrize("later", [0, 1])
    @pytest.mark.rule("X4", "K2")
    def test_of_two_open_units_the_later_access_is_stored(self, people: Units[Unit], later: int) -> None:
        tokens = [numbered(1), numbered(2)]
        add(people, *tokens)

        def touch_after_meeting(unit: Unit, number: int, meet: Meet) -> None:
            assert unit.access_tokens.get(ANN, tokens[number].digest)
            meet()
            at = NOON + TICK if number == later else NOON
            unit.access_tokens.touch([(ANN, tokens[number].digest, at)])

        overlap(people, touch_after_meeting)
        assert listed(people) == {"app": NOON + TICK}

    @pytest.mark.parametrize("touches_first", [False, True])
    @pytest.mark.rule("X4", "X6")
    def test_a_use_that_is_written_while_the_user_is_removed_leaves_no_access(
        self, people: Units[Unit], *, touches_first: bool
    ) -> None:
        add(people, ACCESS_TOKEN)

        def stay_open(meet: Meet) -> None:
            """Meet the other unit, and stay open until it waits for a lock of this one."""
            meet()
            meet()

        def use(unit: Unit, meet: Meet) -> None:
            if not touches_first:
                meet()
            unit.access_tokens.touch([(ANN, ACCESS_TOKEN.digest, NOON)])
            if touches_first:
                stay_open(meet)

        def remove(unit: Unit, meet: Meet) -> None:
            user = unit.users.lock(ANN)
            if touches_first:
                meet()
            unit.users.remove_rows(user)
            if not touches_first:
                stay_open(meet)

        overlap(people, lambda unit, number, meet: (use, remove)[number](unit, meet))
        assert listed(people) == {}
