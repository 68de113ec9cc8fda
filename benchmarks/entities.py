"""The entities of the user with a number; ``stores`` writes the same as rows."""

import json
from datetime import timedelta

from benchmarks.baseline.registering import user_from
from benchmarks.people import BEFORE, id_of, person, secret_of
from usercore.history.model import Entry
from usercore.kernel.changes import Subject
from usercore.kernel.context import MAIN
from usercore.kernel.secret import digest_of
from usercore.tokens.model import AccessToken
from usercore.users.keys import KeySpace, KeyUse
from usercore.users.model import Claim, User


def user_of(number: int) -> User:
    """Return the user."""
    return user_from(person(number), id_of(number), BEFORE)


def token_of(number: int) -> AccessToken:
    """Return the user's access token."""
    return AccessToken(
        user_id=id_of(number),
        digest=digest_of(secret_of(number)),
        authenticator="login_token",
        issued_at=BEFORE,
        last_used_at=BEFORE,
        expires_at=BEFORE + timedelta(days=365),
    )


def claims_of(number: int) -> list[Claim]:
    """Return the claims that the user holds."""
    one = person(number)
    named = (KeySpace.LOGIN, one.email, KeyUse.EMAIL), (KeySpace.EXTERNAL, one.external_id, KeyUse.EXTERNAL_ID)
    return [Claim(tenant_id=MAIN, space=space, key=key, holder_id=id_of(number), uses=use) for space, key, use in named]


def entry_of(number: int) -> Entry:
    """Return the user's history entry."""
    one = person(number)
    fields = {"state": "active", "email": one.email, "external_id": one.external_id, "language": one.language}
    return Entry(
        subject_id=id_of(number),
        subject=Subject.USER,
        change_no=1,
        position=0,
        tenant_id=MAIN,
        kind="user.registered",
        at=BEFORE,
        actor="host",
        new_text=json.dumps(fields, separators=(",", ":")),
    )
