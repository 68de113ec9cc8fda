"""Users of usercore as users of ``django.contrib.auth``, such as those of its admin."""

from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from usercore import (
    Invalid,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    SignedIn,
    SignInRefused,
    User,
    UserCore,
)
from usercore_web.django.accounts import get_accounts

_REFUSED: Final = (Invalid, SecondFactorRequired, SecondFactorSetupRequired, SignInRefused)

_ENDS_SESSIONS: Final = frozenset({"unclaimed_user", "inactive_user", "no_active_role", "inactive_tenant"})
"""What refuses the access tokens of a user, too; a password that is void or has to wait does not."""


class AccountsBackend(BaseBackend):
    """Signs users of usercore in to ``django.contrib.auth``, for ``AUTHENTICATION_BACKENDS``.

    The row of a user has the UUID as its username and no usable password; it is created at the first sign-in. All else
    in it is what ``user_fields`` of ``Accounts`` returns, at each sign-in and at each request: without it no personal
    data is copied and no role is given. A session of Django's ends when the password changes, and with what refuses the
    access tokens of a user: deactivated, erased, without an active role. Revoking access tokens does not end it.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        code: str | None = None,
        **_others: Any,  # noqa: ANN401 - credentials of other backends
    ) -> AbstractBaseUser | None:
        """Return the user with this email or username, this password and, with a second factor, this code.

        Raises:
            RateLimited: it is too early for another attempt.
            Overloaded: too many passwords are being hashed.
            ImproperlyConfigured: the site has several hosts, or the setting ``USERCORE`` is missing.
        """
        if username is None or password is None:
            return None
        core = _core(request)
        try:
            signed_in = _sign_in(core, username, password, code)
        except _REFUSED:
            return None
        core.access_tokens.revoke(signed_in.access_token)  # the session is one of Django's
        return _row_of(core, signed_in.user)

    def get_user(self, user_id: object) -> AbstractBaseUser | None:
        """Return the user of a session, or None if usercore refuses the user, or the row is not active.

        Raises:
            ImproperlyConfigured: the site has several hosts, or the setting ``USERCORE`` is missing.
        """
        row = get_user_model()._default_manager.filter(pk=user_id).first()  # noqa: SLF001 - documented by Django
        core = _core(None)
        user = None if row is None else _find(core, row.get_username())
        if user is None or _ENDS_SESSIONS.intersection(core.history.explain(user.id)):
            return None
        return _row_of(core, user)


def _core(request: HttpRequest | None) -> UserCore:
    if get_accounts().site.hosts is not None:
        raise ImproperlyConfigured("AccountsBackend is for a site without hosts: Django's users have no tenants")
    return get_accounts().core(request)


def _sign_in(core: UserCore, login: str, password: str, code: str | None) -> SignedIn:
    try:
        return core.sign_in.with_password(login, password)
    except SecondFactorRequired as error:
        if code is None:
            raise
        return core.sign_in.with_second_factor(error.challenge, code)


def _find(core: UserCore, username: str) -> User | None:
    try:
        return core.users.find(UUID(username))
    except ValueError:
        return None  # the username of another backend's user is no UUID


def _row_of(core: UserCore, user: User) -> AbstractBaseUser | None:
    """Return the row of a user with the values that it should have now, or None if Django has deactivated it."""
    model = get_user_model()
    key = {str(model.USERNAME_FIELD): str(user.uuid)}
    values = {"password": _password_mark(core, user), **get_accounts().user_fields(core, user)}
    row, _ = model._default_manager.get_or_create(defaults=values, **key)  # noqa: SLF001 - documented by Django
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    if changed:
        row.save(update_fields=changed)
    return row if row.is_active else None


def _password_mark(core: UserCore, user: User) -> str:
    """Return a password that cannot be used; Django ends the sessions of a user whose password differs."""
    return f"{UNUSABLE_PASSWORD_PREFIX}{core.users.status(user.id).password_changed_at}"
