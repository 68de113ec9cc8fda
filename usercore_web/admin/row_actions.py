"""What an operator may do with one row of a user: revoke a token, take a role, remove a factor."""

from typing import Final

from usercore import UserCore
from usercore_web.admin.user_actions import UserAction, Values
from usercore_web.fields import read_number


def _reason(values: Values) -> str | None:
    return values.get("reason") or None


def _remove_factor(core: UserCore, user_id: int, values: Values) -> object:
    return core.second_factors.remove(user_id, read_number(values, "factor_id"), reason=_reason(values))


def _remove_passkey(core: UserCore, user_id: int, values: Values) -> None:
    core.passkeys.remove(user_id, read_number(values, "passkey_id"), reason=_reason(values))


ROW_ACTIONS: Final = (
    UserAction(
        path="access-tokens/{public_id}/revoke",
        use_case="access_tokens.revoke_by_id",
        run=lambda core, user_id, values: core.access_tokens.revoke_by_id(user_id, values["public_id"]),
    ),
    UserAction(
        path="autologin-tokens/{public_id}/revoke",
        use_case="autologin_tokens.revoke_by_id",
        run=lambda core, user_id, values: core.autologin_tokens.revoke_by_id(user_id, values["public_id"]),
    ),
    UserAction(
        path="roles/{role_id}/take",
        use_case="roles.take",
        run=lambda core, user_id, values: core.roles.take(user_id, read_number(values, "role_id")),
    ),
    UserAction(
        path="groups/{group_id}/remove",
        use_case="groups.remove",
        run=lambda core, user_id, values: core.groups.remove(user_id, read_number(values, "group_id")),
    ),
    UserAction(
        path="meta/delete",
        use_case="meta.delete",
        run=lambda core, user_id, values: core.meta.delete(user_id, values.get("key", "")),
    ),
    UserAction(
        path="second-factors/{factor_id}/remove",
        use_case="second_factors.remove",
        run=_remove_factor,
        reason="passed",
    ),
    UserAction(
        path="passkeys/{passkey_id}/remove",
        use_case="passkeys.remove",
        run=_remove_passkey,
        reason="passed",
    ),
)
"""Actions of the rows on the page of a user."""
