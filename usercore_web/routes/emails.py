"""Confirming an email, changing it, and undoing a change."""

from typing import Final

from usercore import SignInRefused, User, UserCore, forms
from usercore_web.responses import Response
from usercore_web.routes.links import link_routes
from usercore_web.routing import Call, Route


def send_confirmation(call: Call) -> Response:
    """Send a link that confirms the email of the user."""
    call.core.emails.send_confirmation(call.identity().user.id)
    return call.answer({}, status=202)


def confirm(call: Call) -> Response:
    """Confirm an email by the secret of a link."""
    return call.answer(forms.user(call.run(call.core.emails.confirm), "user"))


def request_change(call: Call) -> Response:
    """Send a link to a new email; the change needs that link. Users who have a password give it again.

    Source: OWASP ASVS 5.0.0, 7.5.1: authenticate again before the email changes.
    """
    call.run(_request_change, core=call.core, user=call.identity().user)
    return call.answer({}, status=202)


def _request_change(email: str, password: str | None = None, *, core: UserCore, user: User) -> None:
    if core.users.status(user.id).password_set:
        login = user.email or user.username or ""
        if password is None or not core.sign_in.verify_password(login, password):
            raise SignInRefused
    core.emails.request_change(user.id, email)


def confirm_change(call: Call) -> Response:
    """Change the email by the secret of a link."""
    return call.answer(forms.user(call.run(call.core.emails.confirm_change), "user"))


def undo_change(call: Call) -> Response:
    """Undo a change of the email by the secret of the link that its former address received."""
    return call.answer(forms.user(call.run(call.core.emails.undo_change), "user"))


ROUTES: Final = (
    Route("POST", "/email/send-confirmation", "emails.send_confirmation", send_confirmation, needs_mailer=True),
    *link_routes("/email/confirm", "emails.confirm", confirm, title="Confirm your email", submit="Confirm"),
    Route(
        "POST",
        "/email/request-change",
        "sign_in.verify_password",
        request_change,
        needs_mailer=True,
        fields=("email", "password"),
        signature=_request_change,
    ),
    *link_routes(
        "/email/confirm-change", "emails.confirm_change", confirm_change, title="Change your email", submit="Change"
    ),
    *link_routes(
        "/email/undo-change", "emails.undo_change", undo_change, title="Undo the change of your email", submit="Undo"
    ),
)
