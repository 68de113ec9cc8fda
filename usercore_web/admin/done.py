"""What a page says after an action, by the call that did it."""

from collections.abc import Mapping
from typing import Final

DONE: Final[Mapping[str, str]] = {
    "access_tokens.revoke_all": "The user is signed out everywhere.",
    "access_tokens.revoke_by_id": "The access token is revoked.",
    "autologin_tokens.revoke_by_id": "The autologin token is revoked.",
    "emails.set_verified": "It is stored whether the email is verified.",
    "groups.add": "The user is in the group.",
    "groups.remove": "The user is not in the group any more.",
    "meta.delete": "The value is deleted.",
    "meta.upsert": "The value is stored.",
    "passkeys.remove": "The passkey is removed.",
    "passwords.mark_suspicious": "The password is void, and all tokens are revoked.",
    "passwords.unlock": "The user can sign in without a wait.",
    "privacy.erase": "The user is erased.",
    "roles.give": "The user has the role.",
    "roles.require": "It is stored whether the user needs a role.",
    "roles.take": "The user does not have the role any more.",
    "second_factors.remove": "The second factor is removed.",
    "users.activate": "The user is active.",
    "users.confirm": "The user is confirmed.",
    "users.deactivate": "The user is deactivated.",
    "users.update": "The user is changed.",
}
