"""Names of users by their ids."""

from collections.abc import Iterable, Mapping

from usercore import UserCore


def names_of(core: UserCore, ids: Iterable[int]) -> Mapping[int, str]:
    """Return the name of each of at most a thousand users, and of one who is erased the id."""
    wanted = set(ids)
    users = core.users.list_by_ids(wanted, include_deactivated=True, include_unclaimed=True)
    return {user_id: str(user_id) for user_id in wanted} | {user.id: user.full_name or str(user.id) for user in users}
