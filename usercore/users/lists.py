"""Lists of users: by ids, by cursor, and by the beginnings of their words."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, cast

from usercore.kernel.ids import LIMIT, UserId
from usercore.kernel.paging import PAGE_LIMIT, NumberedPage
from usercore.kernel.text import check_type
from usercore.users.errors import TooBroad
from usercore.users.model import SearchPolicy, User, UserState
from usercore.users.ports import UsersUnit
from usercore.users.words import SHORTEST, STORED_CHARACTERS, id_in, is_found_by

States = Sequence[UserState]

_by_id: Final = attrgetter("id")


def clean_ids(value: object) -> list[UserId]:
    """Return ids of users in order, each once, without those that no user can have.

    Raises:
        TypeError: it is not an iterable of ints; text and mappings are none.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        msg = f"ids must be an iterable of ints, not {type(value).__name__}"
        raise TypeError(msg)
    numbers = list(value)
    if not {*map(type, numbers)} <= {int}:
        numbers = [check_type(number, int, name="an id of ids") for number in numbers]
    return cast("list[UserId]", sorted([number for number in {*numbers} if 0 < number < LIMIT]))


def states_listed(*, include_deactivated: bool, include_unclaimed: bool) -> States:
    """Return the states of the users that a list shows; erased users are in no list."""
    return (
        UserState.ACTIVE,
        *((UserState.DEACTIVATED,) if include_deactivated else ()),
        *((UserState.UNCLAIMED,) if include_unclaimed else ()),
    )


def page_by_ids(unit: UsersUnit, ids: Sequence[UserId], states: States, *, page: int) -> NumberedPage[User]:
    """Return a page of the users in these states that exist among the ids, which are in order, each once."""
    if len(ids) <= PAGE_LIMIT:  # all are on the first page, so one look-up is enough
        users = _in_order(unit.users.get_many(ids), states)
        return NumberedPage(rows=tuple(users) if page == 1 else (), page=page, total_count=len(users))
    found = unit.users.states_of(ids)
    listed = [user_id for user_id in ids if found.get(user_id) in states]
    shown = listed[(page - 1) * PAGE_LIMIT : page * PAGE_LIMIT]
    return NumberedPage(rows=tuple(_in_order(unit.users.get_many(shown), states)), page=page, total_count=len(listed))


def users_after(unit: UsersUnit, states: States, *, after: UserId | None, limit: int) -> list[User]:
    """Return at most ``limit`` users in these states that follow an id, by id."""
    lists = [unit.users.list_from(state, after=after, limit=limit) for state in states]
    return lists[0] if len(lists) == 1 else sorted((user for users in lists for user in users), key=_by_id)[:limit]


def found_users(unit: UsersUnit, words: Sequence[str], states: States, *, policy: SearchPolicy) -> list[User]:
    """Return the users in these states who are found by all of the words, by id.

    The users who have the rarest of the words are examined.

    Raises:
        TooBroad: more users than the policy allows have each of the words.
    """
    rarest: list[UserId] | None = None
    for word in words:
        found = _candidates(unit, word, limit=policy.max_candidates + 1)
        if len(found) <= policy.max_candidates and (rarest is None or len(found) < len(rarest)):
            rarest = found
    if rarest is None:
        raise TooBroad
    return [user for user in _in_order(unit.users.get_many(rarest), states) if is_found_by(user, words)]


def _candidates(unit: UsersUnit, word: str, *, limit: int) -> list[UserId]:
    found = unit.users.find_by_word(word[:STORED_CHARACTERS], limit=limit) if len(word) >= SHORTEST else []
    user_id = id_in(word)
    return found if user_id is None or user_id in found else [*found, user_id]


def _in_order(users: Iterable[User], states: States) -> list[User]:
    return sorted([user for user in users if user.state in states], key=_by_id)
