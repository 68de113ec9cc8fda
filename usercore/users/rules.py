"""Rules of public names, external ids and transitions between states. Pure."""

from usercore.kernel.entity import evolve
from usercore.users.errors import ExternalIdLinked, WrongState
from usercore.users.keys import email_key
from usercore.users.model import User, UserState


def without_email_as_name(user: User) -> User:
    """Return the user without a given public name that spells the email, so that the name changes with the email."""
    copies = is_spelling_of(user.given_public_name, user.email)
    return evolve(user, given_public_name=None) if copies else user


def is_spelling_of(text: str | None, email: str | None) -> bool:
    """Return whether a text is this email, perhaps in another spelling of the same key."""
    if text is None or email is None or "@" not in text:
        return False
    try:
        return email_key(text) == email_key(email)
    except ValueError:  # the text has no domain
        return False


def check_linkable(user: User, external_id: str) -> bool:
    """Return whether the external id must be linked; False if the user has this one already.

    Raises:
        ExternalIdLinked: the user has another one.
    """
    if user.external_id not in (None, external_id):
        raise ExternalIdLinked
    return user.external_id is None


def check_movable(user: User, to: UserState) -> bool:
    """Return whether the user must change to this state; False if it is in this state already.

    Raises:
        WrongState: only an active user can be deactivated, and only a deactivated one activated.
    """
    if user.state is to:
        return False
    if {user.state, to} != {UserState.ACTIVE, UserState.DEACTIVATED}:
        raise WrongState(str(user.state))
    return True
