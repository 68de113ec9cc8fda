"""Listing users by ids and by cursor, and searching them."""

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest

from tests.services.helpers import add_tenant, over, recorded, register, unclaim
from usercore import Invalid, NumberedPage, Page, SearchPolicy, TooBroad, User, UserCore, forms
from usercore.kernel.entity import evolve
from usercore.kernel.ids import LIMIT
from usercore.testing.contracts.user_lists import bare
from usercore.users.model import UserState

FLAGS = [
    ({}, {UserState.ACTIVE}),
    ({"include_deactivated": True}, {UserState.ACTIVE, UserState.DEACTIVATED}),
    ({"include_unclaimed": True}, {UserState.ACTIVE, UserState.UNCLAIMED}),
    ({"include_deactivated": True, "include_unclaimed": True}, set(UserState) - {UserState.ERASED}),
]


def store(core: UserCore, *users: User) -> None:
    core._service.units.write(lambda unit: unit.users.add_many(users))


def numbered(count: int, **fields: Any) -> list[User]:
    """Return users with the ids from 1 and a word of their own."""
    return [bare(number, first_name=f"No{number:05}", **fields) for number in range(1, count + 1)]


def ids(rows: Iterable[User]) -> list[int]:
    return [user.id for user in rows]


def mixed(core: UserCore) -> dict[UserState, int]:
    """Store a user in each state, who are all named Ann."""
    found = {state: number for number, state in enumerate(reversed(UserState), start=1)}
    store(core, *(bare(number, state=state, first_name="Ann") for state, number in found.items()))
    return found


LISTS: dict[str, Callable[..., Iterable[User]]] = {
    "list_by_ids": lambda core, **flags: core.users.list_by_ids(range(100), **flags),
    "list_by_ids, several pages": lambda core, **flags: core.users.list_by_ids(range(2000), **flags),
    "list": lambda core, **flags: core.users.list(**flags),
    "search": lambda core, **flags: core.users.search("ann", **flags),
}


@pytest.mark.rule("U10", "U11", "R5")
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(("flags", "states"), FLAGS, ids=["none", "deactivated", "unclaimed", "both"])
def test_lists_show_active_users_and_others_on_request_but_no_erased_ones(
    core: UserCore, name: str, flags: dict[str, bool], states: set[UserState]
) -> None:
    of_state = mixed(core)
    assert ids(LISTS[name](core, **flags)) == sorted(of_state[state] for state in states)


@pytest.mark.rule("U10")
def test_a_page_by_ids_counts_each_id_once_and_none_without_a_user(core: UserCore) -> None:
    store(core, *numbered(3))
    page = core.users.list_by_ids([3, 1, 3, 1, 77, 0, -1, LIMIT, 1 << 80])
    assert (ids(page), page.page, page.total_pages, page.total_count) == ([1, 3], 1, 1, 2)
    assert page.rows[1] == core.users.get(3)
    assert core.users.list_by_ids(iter([2])).rows == (core.users.get(2),)


@pytest.mark.rule("U10")
@pytest.mark.parametrize("nothing", [[], (), [77], set()], ids=repr)
def test_no_ids_give_an_empty_page(core: UserCore, nothing: Iterable[int]) -> None:
    store(core, *numbered(3))
    for number in (1, 2):
        page = core.users.list_by_ids(nothing, number)
        assert page == NumberedPage(rows=(), page=number, total_count=0)
        assert page.total_pages == 0


@pytest.mark.rule("U10")
def test_pages_by_ids_have_a_thousand_users_each(core: UserCore) -> None:
    store(core, *numbered(2001))
    wanted = range(2001, 0, -1)
    pages = [core.users.list_by_ids(wanted, number) for number in (1, 2, 3, 4)]
    assert [ids(page) for page in pages] == [[*range(1, 1001)], [*range(1001, 2001)], [2001], []]
    assert {(page.total_pages, page.total_count) for page in pages} == {(3, 2001)}
    exact = core.users.list_by_ids(range(1, 1001))
    assert (ids(exact), exact.total_pages) == ([*range(1, 1001)], 1)
    assert ids(core.users.list_by_ids(range(1, 1001), 2)) == []


@pytest.mark.rule("U10")
def test_a_page_by_ids_of_at_most_a_thousand_ids_takes_one_look_up(core: UserCore) -> None:
    store(core, *numbered(1000))
    watched, recorder = recorded(core)
    assert len(recorder.names_of(lambda: watched.users.list_by_ids(range(1, 1001)))) == 1
    assert len(recorder.names_of(lambda: watched.users.list_by_ids(range(1, 1002), 9))) == 2


@pytest.mark.rule("U10")
@pytest.mark.parametrize(
    ("wanted", "page"),
    [("12", 1), (b"12", 1), ({1: 2}, 1), (7, 1), (["1"], 1), ([True], 1), ([1.0], 1), ([1], "1")],
    ids=repr,
)
def test_what_is_no_list_of_ids_is_refused(core: UserCore, wanted: Any, page: Any) -> None:
    with pytest.raises(TypeError):
        core.users.list_by_ids(wanted, page)


@pytest.mark.rule("U10")
@pytest.mark.parametrize("page", [0, -1])
def test_pages_are_counted_from_one(core: UserCore, page: int) -> None:
    with pytest.raises(Invalid, match="out_of_range"):
        core.users.list_by_ids([1], page)


@pytest.mark.rule("U10")
def test_all_users_are_listed_page_by_page(core: UserCore) -> None:
    users = numbered(5)
    store(core, *(evolve(user, state=state) for user, state in zip(users, [*UserState, UserState.ACTIVE], strict=True)))
    rows, cursor = [], None
    for _ in range(2):
        page = core.users.list(include_deactivated=True, include_unclaimed=True, cursor=cursor, limit=2)
        rows += ids(page)
        cursor = page.cursor
    assert (rows, cursor) == ([1, 2, 3, 5], None)


@pytest.mark.rule("U10")
def test_a_list_takes_one_statement_for_each_state_wherever_it_begins(core: UserCore) -> None:
    store(core, *numbered(9))
    place = core.users.list(limit=8).cursor
    watched, recorder = recorded(core)
    for cursor in (None, place):
        assert len(recorder.names_of(lambda: watched.users.list(cursor=cursor))) == 1  # noqa: B023 - used at once


@pytest.mark.rule("U11")
def test_each_word_must_be_a_beginning_or_the_whole_id(core: UserCore) -> None:
    ann = register(core, "ann.lee", username="al_1", first_name="Anna-Maria", last_name="ÖZIL")
    bob = register(core, "bob", first_name="Anna", last_name="Lee")
    found: dict[str, list[int]] = {
        "anna": [ann.id, bob.id],
        "ANNA": [ann.id, bob.id],
        "ａｎｎａ özil": [ann.id],
        "maria": [ann.id],
        "ann.lee@example.com": [ann.id],
        "ann.l bob@": [],
        "bob@ lee": [bob.id],
        "example": [],
        "nna": [],
        str(ann.id): [ann.id],
        f"{ann.id} anna": [ann.id],
        f"{ann.id} lee": [],
        str(ann.id)[:5]: [],
        "12": [],
    }
    assert {query: ids(core.users.search(query)) for query in found} == found


@pytest.mark.rule("U11")
def test_what_changes_is_found_by_its_new_words_only(core: UserCore) -> None:
    ann = register(core, first_name="Anna")
    core.users.update(ann.id, first_name="Zoe")
    core.emails.change(ann.id, "dora@example.com")
    assert [ids(core.users.search(query)) for query in ("anna", "ann@", "zoe", "dora@")] == [[], [], [ann.id], [ann.id]]


@pytest.mark.rule("U11")
def test_a_thousand_candidates_of_the_rarest_word_are_examined_and_no_more(core: UserCore) -> None:
    store(core, *numbered(1000, last_name="Nova", email="no@example.com"))
    assert len(core.users.search("nov", limit=1000).rows) == 1000
    store(core, bare(5000, first_name="No05000", last_name="Novak", username="novak1"))
    for query in ("nov", "nov no0"):
        with pytest.raises(TooBroad):
            core.users.search(query)
    assert ids(core.users.search("nov no00007")) == [7]
    assert ids(core.users.search("nov novak1")) == [5000]
    assert ids(core.users.search("novak")) == [5000]


@pytest.mark.rule("U11")
def test_the_work_of_a_search_is_bounded_by_its_words_and_the_policy(core: UserCore) -> None:
    store(core, *numbered(40, last_name="Nova"))
    few = over(core, policy=attrs.evolve(core.policy, search=SearchPolicy(max_candidates=10, max_words=3)))
    watched, recorder = recorded(few)
    for query, calls in {"nova": 1, "no00007": 2, "nova no00007 no0000": 4, "7": 1, "nothing nova": 3}.items():
        assert len(recorder.names_of(lambda: watched.users.search(query))) == calls, query  # noqa: B023 - used at once
    with pytest.raises(Invalid, match="count"):
        few.users.search("one two three four")
    with pytest.raises(TooBroad):
        few.users.search("nova")


@pytest.mark.rule("U11")
def test_the_users_who_are_found_are_listed_page_by_page(core: UserCore) -> None:
    store(core, *numbered(5, last_name="Nova"))
    first = core.users.search("nova", limit=3)
    second = core.users.search("nova", limit=3, cursor=first.cursor)
    assert (ids(first), ids(second), second.cursor) == ([1, 2, 3], [4, 5], None)
    assert isinstance(first, Page)


@pytest.mark.rule("T2", "U11")
def test_many_users_of_another_tenant_do_not_make_a_word_too_broad(core: UserCore) -> None:
    add_tenant(core)
    store(core, *numbered(1001, last_name="Nova"))
    acme = core.tenant("acme")
    ann = register(acme, first_name="Nova")
    assert ids(acme.users.search("nova")) == [ann.id]
    assert ids(acme.users.list()) == [ann.id]
    assert ids(acme.users.list_by_ids(range(1, 2000))) == []
    assert ids(acme.users.search("7")) == []


@pytest.mark.rule("U10")
def test_a_numbered_page_has_a_form(core: UserCore) -> None:
    ann = register(core)
    unclaim(core, register(core, "bob"))
    form = forms.user.numbered_page(core.users.list_by_ids([ann.id]), "user")
    assert form == {"rows": [forms.user(ann, "user")], "page": 1, "total_pages": 1, "total_count": 1}
    with pytest.raises(ValueError, match="audience"):
        forms.user.numbered_page(core.users.list_by_ids([]), "public")  # type: ignore[call-overload]  # what is tested
