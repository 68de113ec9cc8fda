"""The forms of identities, and of sign-ins with their access token."""

from typing import Any, Final, Literal, NotRequired, TypedDict, overload

from usercore.forms.form import Audience, Form
from usercore.forms.users import OperatorUserForm, UserForm, user
from usercore.sign_in.model import Identity, SignedIn


class IdentityForm(TypedDict):
    """Who is signed in, and how."""

    user: UserForm
    roles: list[str]
    permissions: list[str]
    authenticator: str
    authenticated_at: str
    must_change_password: bool
    token_id: str
    token_expires_at: str


class OperatorIdentityForm(TypedDict):
    """Who is signed in, and how, as operators see it: with the source and what the host's authenticators added."""

    user: OperatorUserForm
    roles: list[str]
    permissions: list[str]
    authenticator: str
    authenticated_at: str
    must_change_password: bool
    token_id: str
    token_expires_at: str
    source: str | None
    extras: dict[str, dict[str, Any]]


identity: Final[Form[Identity, IdentityForm, OperatorIdentityForm]] = Form(
    IdentityForm,
    OperatorIdentityForm,
    {
        "user": lambda value, audience: user(value.user, audience),
        "permissions": lambda value, _: sorted(value.permissions),
    },
)
"""Make the plain data of an identity; of a ``SignedIn``, too, without its secret."""


class SignedInForm(IdentityForm):
    """Who signed in. The secret of the access token is there if it was asked for."""

    access_token: NotRequired[str]


class OperatorSignedInForm(OperatorIdentityForm):
    """Who signed in, as operators see it."""

    access_token: NotRequired[str]


@overload
def signed_in(value: SignedIn, audience: Literal["user"], *, with_secret: bool = False) -> SignedInForm: ...


@overload
def signed_in(value: SignedIn, audience: Literal["operator"], *, with_secret: bool = False) -> OperatorSignedInForm: ...


def signed_in(value: SignedIn, audience: Audience, *, with_secret: bool = False) -> SignedInForm | OperatorSignedInForm:
    """Return the plain data of a sign-in, on request with the secret of the token that it issued.

    Raises:
        ValueError: there is no such audience.
        TypeError: the host's own extras have a value that JSON does not know.
    """
    form: Any = identity(value, audience)
    if with_secret:
        form["access_token"] = value.access_token.reveal()
    return form  # type: ignore[no-any-return]  # one of the two, by the audience
