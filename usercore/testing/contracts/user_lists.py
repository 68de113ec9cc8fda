"""The contract of lists of users: by ids, by state and id, and by the beginnings of words."""

from collections.abc import Sequence

import pytest
from hypothesis import strategies as st

from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.units import Units
from usercore.storage import Unit
from usercore.testing.contracts.base import Contract, check_for_all, store, write_and_fail
from usercore.testing.contracts.users import MANY, replaced
from usercore.testing.samples import ACME, ANN, BOB, a_user
from usercore.testing.strategies import users
from usercore.users.model import NO_ACCESS_IDS, User, UserState
from usercore.users.words import SHORTEST, stored_words

ACTIVE = UserState.ACTIVE
DEACTIVATED = UserState.DEACTIVATED


def bare(user_id: int, **fields: object) -> User:
    """Return a user without identifiers and names but the given ones."""
    plain = a_user(state=ACTIVE, email=None, username=None, external_id=None)
    plain = evolve(plain, first_name=None, last_name=None, chosen_public_name=None, institution_name=None)
    return evolve(plain, id=user_id, access_ids=NO_ACCESS_IDS, supplied_uuid=None, **fields)


def found(units: Units[Unit], beginning: str, *, limit: int = 100) -> list[int]:
    """Return the users with a word with this beginning, by id."""
    return sorted(units.read(lambda unit: unit.users.find_by_word(beginning, limit=limit)))


def listed(
    units: Units[Unit], state: UserState = ACTIVE, *, after: int | None = None, limit: int = 100
) -> Sequence[User]:
    """Return the users in a state."""
    place = None if after is None else UserId(after)
    return units.read(lambda unit: unit.users.list_from(state, after=place, limit=limit))


def ids_of(rows: Sequence[User]) -> list[int]:
    """Return the ids of users."""
    return [user.id for user in rows]


class UserListsContract(Contract):
    """One case for each promise of the lists of ``UserRepository``."""

    @pytest.mark.rule("U10")
    def test_users_of_a_state_are_listed_by_id(self, main: Units[Unit]) -> None:
        states = {1: ACTIVE, 2: DEACTIVATED, 3: ACTIVE, 4: UserState.ERASED, 5: UserState.UNCLAIMED, 6: ACTIVE}
        store(main, lambda unit: unit.users.add, *(bare(number, state=states[number]) for number in (6, 1, 4, 3, 5, 2)))
        assert [ids_of(listed(main, state)) for state in UserState] == [[5], [1, 3, 6], [2], [4]]
        assert listed(main)[1] == bare(3)

    @pytest.mark.rule("U10")
    def test_a_list_of_users_continues_after_an_id_and_has_a_limit(self, main: Units[Unit]) -> None:
        store(main, lambda unit: unit.users.add, *(bare(number) for number in (1, 2, 3, LIMIT - 1)))
        assert ids_of(listed(main, limit=2)) == [1, 2]
        assert ids_of(listed(main, after=2, limit=1)) == [3]
        assert ids_of(listed(main, after=1)) == [2, 3, LIMIT - 1]
        assert listed(main, after=LIMIT - 1) == []

    @pytest.mark.rule("U10")
    def test_a_list_of_users_follows_their_states(self, people: Units[Unit]) -> None:
        people.write(lambda unit: [replaced(unit, bare(number)) for number in (ANN, BOB)])
        people.write(lambda unit: replaced(unit, bare(ANN, state=DEACTIVATED)))
        assert [ids_of(listed(people, state)) for state in (ACTIVE, DEACTIVATED)] == [[BOB], [ANN]]
        write_and_fail(people, lambda unit: replaced(unit, bare(BOB, state=DEACTIVATED)))
        assert [ids_of(listed(people, state)) for state in (ACTIVE, DEACTIVATED)] == [[BOB], [ANN]]

    @pytest.mark.rule("U10")
    def test_states_are_returned_for_the_users_that_exist(self, main: Units[Unit]) -> None:
        users = [bare(number, state=DEACTIVATED if number % 3 else ACTIVE) for number in range(1, MANY)]
        main.write(lambda unit: unit.users.add_many(users))
        asked = [UserId(number) for number in (*range(1, MANY), 1, MANY)]
        found = main.read(lambda unit: unit.users.states_of(asked))
        assert found == {user.id: user.state for user in users}
        assert {type(state) for state in found.values()} == {UserState}
        assert main.read(lambda unit: unit.users.states_of([])) == {}

    @pytest.mark.rule("T2", "U10", "U11")
    def test_users_of_other_tenants_are_in_no_list(self, main: Units[Unit], acme: Units[Unit]) -> None:
        store(acme, lambda unit: unit.users.add, bare(7, tenant_id=ACME, username="dora"))
        store(main, lambda unit: unit.users.add, bare(8, username="zoe"))
        assert [ids_of(listed(units)) for units in (main, acme)] == [[8], [7]]
        assert [[found(units, word) for word in ("zoe", "dora")] for units in (main, acme)] == [[[8], []], [[], [7]]]
        ids = [UserId(8), UserId(7)]
        assert [list(units.read(lambda unit: unit.users.states_of(ids))) for units in (main, acme)] == [[8], [7]]

    @pytest.mark.rule("U11")
    def test_users_are_found_by_the_beginnings_of_their_words(self, main: Units[Unit]) -> None:
        zoe = bare(9, email="Zoe.Lee@Example.com", username="zl-7", first_name="Anna-Maria", last_name="ÖZIL")
        main.write(lambda unit: [unit.users.add(zoe), unit.users.add_many([evolve(zoe, id=10)])])
        for beginning in ("zoe", "zoe.lee@example.com", "zl-7", "anna-m", "maria", "özi"):
            assert found(main, beginning) == [9, 10]
        for beginning in ("oe.", "lee", "zoe.lee@example.com0", "zl-8", "nna", "ozi", "öz_", "%oe", "zo_"):
            assert found(main, beginning) == []

    @pytest.mark.rule("U11")
    def test_words_follow_the_user_and_go_with_an_erasure(self, people: Units[Unit]) -> None:
        def change(unit: Unit, **fields: object) -> None:
            unit.users.replace(evolve(unit.users.lock(ANN), **fields))

        people.write(lambda unit: change(unit, first_name="Annabel", last_name="Novak"))
        people.write(lambda unit: change(unit, first_name="Zoe"))
        assert [found(people, word) for word in ("annabel", "zoe", "novak")] == [[], [ANN], [ANN]]
        write_and_fail(people, lambda unit: change(unit, first_name="Annabel"))
        assert [found(people, word) for word in ("annabel", "zoe", "novak")] == [[], [ANN], [ANN]]
        people.write(lambda unit: change(unit, state=UserState.ERASED))
        assert [found(people, word) for word in ("annabel", "zoe", "novak")] == [[], [], []]

    @pytest.mark.rule("U11")
    def test_words_follow_a_user_that_was_locked_without_being_read(self, people: Units[Unit]) -> None:
        people.write(lambda unit: [unit.lock(ANN), unit.users.replace(bare(ANN, first_name="Annabel"))])
        people.write(
            lambda unit: [
                unit.users.lock(ANN),
                unit.users.lock(BOB),
                unit.users.replace(bare(ANN, first_name="Zoe")),
                unit.users.replace(bare(ANN, first_name="Dora")),
            ]
        )
        assert [found(people, word) for word in ("annabel", "zoe", "dora")] == [[], [], [ANN]]

    @pytest.mark.rule("U11")
    def test_a_user_with_several_words_of_one_beginning_is_found_once(self, main: Units[Unit]) -> None:
        several = [bare(number, first_name=" ".join(f"ann{one}{number}" for one in "abcde")) for number in range(1, 9)]
        main.write(lambda unit: unit.users.add_many(several))
        assert found(main, "ann") == [*range(1, 9)]
        assert found(main, "ann", limit=8) == [*range(1, 9)]
        assert len(set(found(main, "ann", limit=7))) == len(found(main, "ann", limit=7)) == 7
        assert found(main, "annc3") == [3]

    @pytest.mark.rule("U11")
    def test_any_user_is_found_by_the_beginning_of_each_stored_word(self, people: Units[Unit]) -> None:
        def check(user: User) -> None:
            people.write(lambda unit: replaced(unit, evolve(user, id=ANN)))
            for word in stored_words(user):
                for length in {SHORTEST, (SHORTEST + len(word)) // 2, len(word)}:
                    assert ANN in found(people, word[:length])

        check_for_all(users().filter(lambda user: user.state is not UserState.ERASED), check)

    @pytest.mark.rule("U11")
    def test_no_text_finds_a_user_without_words(self, people: Units[Unit]) -> None:
        text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=3, max_size=64)
        check_for_all(text, lambda beginning: self._check_finds_none(people, beginning))

    def _check_finds_none(self, people: Units[Unit], beginning: str) -> None:
        assert found(people, beginning) == []
