"""Samples of the services of login tokens and autologin tokens."""

from datetime import timedelta
from typing import Final

import attrs

from tests.samples import FilledStore, Samples, redeemed, unknown_secret
from usercore import Secret, User, UserCore
from usercore.tokens.kinds import LOGIN, TokenKind


@attrs.frozen(kw_only=True)
class SignInTokens:
    """The secrets of a login token and an autologin token."""

    login: Secret
    autologin: Secret


def fill(filled: FilledStore) -> SignInTokens:
    """Issue both."""
    core, user_id = filled.core, filled.ann.id
    return SignInTokens(
        login=core.login_tokens.issue(user_id),
        autologin=core.autologin_tokens.issue(user_id, valid_to=filled.clock.now + timedelta(days=30), max_uses=2),
    )


@attrs.frozen(kw_only=True)
class SignInNames:
    """The secrets of a login token, of one that was redeemed, and of an autologin token with its public id."""

    login: Secret
    spent: Secret
    autologin: Secret
    autologin_id: str


def name(core: UserCore, user: User) -> tuple[SignInNames, SignInNames]:
    """Issue tokens, and redeem one."""
    login, spent = core.login_tokens.issue_many(user.id, 2)
    autologin = core.autologin_tokens.issue(user.id, valid_to=core._runtime.clock() + timedelta(days=1))
    public_id = core.autologin_tokens.list(user.id).rows[0].public_id
    unknown = unknown_secret(LOGIN, user)
    return (
        SignInNames(login=login, spent=redeemed(core, user, spent), autologin=autologin, autologin_id=public_id),
        SignInNames(
            login=unknown,
            spent=unknown,
            autologin=unknown_secret(TokenKind.AUTOLOGIN, user),
            autologin_id=public_id[:-1] + "~",
        ),
    )


SAMPLES: Final = Samples(
    fill=fill,
    arguments={
        "autologin_tokens.revoke.secret": lambda filled: filled.of(SignInTokens).autologin,
        "autologin_tokens.revoke_by_id.public_id": lambda filled: (
            filled.core.autologin_tokens.list(filled.ann.id).rows[0].public_id
        ),
        "sign_in.with_autologin_token.secret": lambda filled: filled.of(SignInTokens).autologin,
        "sign_in.with_login_token.secret": lambda filled: filled.of(SignInTokens).login,
    },
    name=name,
    calls={
        "autologin_tokens.revoke": lambda core, names: core.autologin_tokens.revoke(names.of(SignInNames).autologin),
        "autologin_tokens.revoke_by_id: own user": lambda core, names: core.autologin_tokens.revoke_by_id(
            names.own, names.of(SignInNames).autologin_id
        ),
        "sign_in.with_autologin_token": lambda core, names: core.sign_in.with_autologin_token(
            names.of(SignInNames).autologin
        ),
        "sign_in.with_login_token": lambda core, names: core.sign_in.with_login_token(names.of(SignInNames).login),
        "sign_in.with_login_token: spent": lambda core, names: core.sign_in.with_login_token(
            names.of(SignInNames).spent
        ),
    },
    unguessable=frozenset(
        {
            "autologin_tokens.revoke",
            "sign_in.with_autologin_token",
            "sign_in.with_login_token",
            "sign_in.with_login_token: spent",
        }
    ),
)
