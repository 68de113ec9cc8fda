"""Who may be claimed by whom, and what becomes of their notes. Pure."""

from usercore.kernel.errors import WrongState
from usercore.users.fields import clean_note
from usercore.users.model import User, UserState


def check_claimable(unclaimed: User, user: User) -> None:
    """Refuse a claim unless an active user claims an unclaimed one.

    Raises:
        WrongState: one of them has another state; it names the state of the first that has.
    """
    for one, needed in ((unclaimed, UserState.UNCLAIMED), (user, UserState.ACTIVE)):
        if one.state is not needed:
            raise WrongState(str(one.state))


def joined_notes(own: str | None, other: str | None) -> str | None:
    """Return both notes, the user's own first, on lines of their own; the same note is not repeated.

    Raises:
        Invalid: together they are too long.
    """
    if own == other:
        return own
    return clean_note("\n".join(filter(None, (own, other))))
