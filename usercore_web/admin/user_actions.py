"""What an operator may do with a user: each action is one call of usercore, with the operator as its actor.

Where the call takes no reason and the operator gives one, it is logged as an action, in the same unit.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Literal

from usercore import UserCore, UserOverview, UserState
from usercore.kernel.values import frozen
from usercore_web.admin.operators import OperatorCall
from usercore_web.fields import check_present, read_flag, read_number
from usercore_web.responses import Response

Reason = Literal["logged", "passed", "required"]
"""What becomes of the reason: it is logged, or passed to the call, which may require one."""

Values = Mapping[str, str]
"""The fields of the form, and the parameters of the path."""


@frozen(kw_only=True)
class UserAction:
    """An action: where its form is sent, the call, and what the page of a user shows of it.

    ``form`` is the template of its own inputs, or None. ``is_recorded`` says whether history has the change that the
    call makes; else the action is logged. ``leads_to`` is the page that is shown then, below that of the user.
    ``applies`` says whether the page offers it.
    """

    path: str
    use_case: str
    run: Callable[[UserCore, int, Values], object]
    label: str = ""
    effect: str = ""
    form: str | None = None
    reason: Reason = "logged"
    is_recorded: bool = True
    leads_to: str = ""
    applies: Callable[[UserOverview], bool] = lambda _: True

    @property
    def name(self) -> str:
        """The name of the action in ids of elements."""
        return self.path.replace("/", "-")


def act(action: UserAction, call: OperatorCall) -> Response:
    """Do what the form of an action asks for, and show the user again."""
    user_id, fields = call.number("user_id"), call.fields()
    values, reason = {**fields, **call.parameters}, fields.get("reason", "").strip()
    if action.reason == "logged" and (reason or not action.is_recorded):
        call.core.atomic(partial(_run_and_log, action, user_id, values, reason))
    else:
        action.run(call.core, user_id, values)
    return call.done(f"/users/{user_id}{action.leads_to}", action.use_case)


def _run_and_log(action: UserAction, user_id: int, values: Values, reason: str, core: UserCore) -> None:
    action.run(core, user_id, values)
    core.history.log_action(action.use_case, user_id, params={"reason": reason} if reason else {})


def _edit(core: UserCore, user_id: int, values: Values) -> None:
    core.users.update(
        user_id,
        first_name=values.get("first_name"),
        last_name=values.get("last_name"),
        public_name=values.get("public_name"),
        language=values.get("language"),
        note=values.get("note", "").replace("\r\n", "\n"),
        version=read_number(values, "version"),
    )


def _erase(core: UserCore, user_id: int, values: Values) -> None:
    check_present(values, "reason", "sure")
    core.privacy.erase(user_id, values["reason"])


def _store_value(core: UserCore, user_id: int, values: Values) -> None:
    core.meta.upsert(
        user_id, values.get("key", ""), values.get("value", ""), public=read_flag(values, "public", default=False)
    )


def _verified(*, verified: bool) -> Callable[[UserCore, int, Values], object]:
    return lambda core, user_id, _: core.emails.set_verified(user_id, verified)


def _has_state(state: UserState) -> Callable[[UserOverview], bool]:
    return lambda overview: overview.user.state is state


OFFERED: Final = (
    UserAction(
        path="edit",
        use_case="users.update",
        run=_edit,
        label="Edit",
        effect="Changes names, language and note. An empty field is cleared.",
        form="edit",
    ),
    UserAction(
        path="activate",
        use_case="users.activate",
        run=lambda core, user_id, _: core.users.activate(user_id),
        label="Activate",
        effect="The user can sign in again.",
        applies=_has_state(UserState.DEACTIVATED),
    ),
    UserAction(
        path="deactivate",
        use_case="users.deactivate",
        run=lambda core, user_id, _: core.users.deactivate(user_id),
        label="Deactivate",
        effect="Signs the user out everywhere, and refuses every sign-in until the user is activated.",
        applies=_has_state(UserState.ACTIVE),
    ),
    UserAction(
        path="confirm",
        use_case="users.confirm",
        run=lambda core, user_id, _: core.users.confirm(user_id),
        label="Confirm",
        effect="Notes that the user is confirmed. The email is not verified by that.",
        applies=lambda overview: overview.user.confirmed_at is None,
    ),
    UserAction(
        path="verify-email",
        use_case="emails.set_verified",
        run=_verified(verified=True),
        label="Mark the email as verified",
        effect="The email counts as proved, without a link.",
        applies=lambda overview: overview.user.email is not None and not overview.user.email_verified,
    ),
    UserAction(
        path="unverify-email",
        use_case="emails.set_verified",
        run=_verified(verified=False),
        label="Mark the email as not verified",
        effect="The email does not count as proved any more.",
        applies=lambda overview: overview.user.email_verified,
    ),
    UserAction(
        path="unlock",
        use_case="passwords.unlock",
        run=lambda core, user_id, _: core.passwords.unlock(user_id),
        label="Unlock",
        effect="Forgets failures to sign in, so that no wait is left.",
        is_recorded=False,
        applies=lambda overview: overview.status.failures_in_a_row > 0 or overview.status.locked_since is not None,
    ),
    UserAction(
        path="revoke-tokens",
        use_case="access_tokens.revoke_all",
        run=lambda core, user_id, _: core.access_tokens.revoke_all(user_id),
        label="Sign out everywhere",
        effect="Revokes all access tokens and login tokens.",
    ),
    UserAction(
        path="mark-suspicious",
        use_case="passwords.mark_suspicious",
        run=lambda core, user_id, _: core.passwords.mark_suspicious(user_id),
        label="Suspect an intruder",
        effect="Voids the password and revokes all tokens. The user is told by email.",
    ),
    UserAction(
        path="give-role",
        use_case="roles.give",
        run=lambda core, user_id, values: core.roles.give(user_id, read_number(values, "role_id")),
        label="Give a role",
        effect="From now on the user needs an active role to sign in.",
        form="give_role",
        applies=lambda overview: not overview.user.is_admin,
    ),
    UserAction(
        path="require-role",
        use_case="roles.require",
        run=lambda core, user_id, values: core.roles.require(user_id, read_flag(values, "required", default=False)),
        label="Require a role",
        effect="Sets whether the user needs an active role to sign in.",
        form="require_role",
        applies=lambda overview: not overview.user.is_admin,
    ),
    UserAction(
        path="add-to-group",
        use_case="groups.add",
        run=lambda core, user_id, values: core.groups.add(user_id, read_number(values, "group_id")),
        label="Add to a group",
        form="add_to_group",
    ),
    UserAction(
        path="store-value",
        use_case="meta.upsert",
        run=_store_value,
        label="Store a value",
        effect="Replaces the value that the key has.",
        form="store_value",
    ),
    UserAction(
        path="erase",
        use_case="privacy.erase",
        run=_erase,
        label="Erase",
        effect="Removes all that is personal about the user. It cannot be undone.",
        form="erase",
        reason="required",
        leads_to="/changes",  # an erased user has no other page
    ),
)
"""Actions that the page of a user offers, in their order."""
