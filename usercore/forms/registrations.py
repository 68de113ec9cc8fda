"""The forms of registrations and of saved users."""

from typing import Any, Final, Literal, NotRequired, TypedDict, overload

from usercore.forms.form import Audience, Form, check_audience
from usercore.forms.roles import HeldRoleForm, OperatorHeldRoleForm, held_role
from usercore.forms.users import OperatorUserForm, UserForm, user
from usercore.registration.detail import SavedUser
from usercore.registration.steps import Registration


class RegistrationForm(TypedDict):
    """What registering made. The secret of the access token is there if one was issued and asked for."""

    user: UserForm
    created: bool
    access_token: NotRequired[str]


class OperatorRegistrationForm(TypedDict):
    """What registering made, as operators see it."""

    user: OperatorUserForm
    created: bool
    access_token: NotRequired[str]


@overload
def registration(value: Registration, audience: Literal["user"], *, with_secret: bool = False) -> RegistrationForm: ...


@overload
def registration(
    value: Registration, audience: Literal["operator"], *, with_secret: bool = False
) -> OperatorRegistrationForm: ...


def registration(
    value: Registration, audience: Audience, *, with_secret: bool = False
) -> RegistrationForm | OperatorRegistrationForm:
    """Return the plain data of a registration, on request with the secret of the token that it issued, if any.

    Raises:
        ValueError: there is no such audience.
    """
    check_audience(audience)
    form: Any = {"user": user(value.user, audience), "created": value.created}
    if with_secret and value.access_token is not None:
        form["access_token"] = value.access_token.reveal()
    return form  # type: ignore[no-any-return]  # one of the two, by the audience


class SavedUserForm(TypedDict):
    """What saving a user detail made, as the user sees it."""

    user: UserForm
    created: bool
    roles: list[HeldRoleForm]


class OperatorSavedUserForm(TypedDict):
    """What saving a user detail made, as operators see it."""

    user: OperatorUserForm
    created: bool
    roles: list[OperatorHeldRoleForm]


saved_user: Final[Form[SavedUser, SavedUserForm, OperatorSavedUserForm]] = Form(
    SavedUserForm,
    OperatorSavedUserForm,
    {
        "user": lambda value, audience: user(value.user, audience),
        "roles": lambda value, audience: [held_role(one, audience) for one in value.roles],
    },
)
"""Make the plain data of what saving a user detail made."""
