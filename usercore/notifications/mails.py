"""The mails that usercore sends: one entry each. A new mail is an entry here, a ``MailKind``, and perhaps a link."""

from collections.abc import Callable
from typing import Final

from usercore.history.model import Entry
from usercore.kernel.changes import ChangeKind
from usercore.kernel.values import frozen
from usercore.mail.model import MailKind, MailTemplate
from usercore.notifications.recipients import (
    Prepare,
    address_in_change,
    address_then,
    change_link,
    confirmation_link,
    generated_password,
    present_address,
    previous_address,
    registration_link,
    reset_link,
    undo_link,
)
from usercore.passkeys.model import ADDED as PASSKEY_ADDED
from usercore.passkeys.model import REMOVED as PASSKEY_REMOVED
from usercore.passwords.model import REPLACED, RESET_OF_UNKNOWN, RESET_REQUESTED, SUSPECTED
from usercore.second_factors.model import ADDED, RECOVERY_CODE_USED, RECOVERY_CODES_MADE, REMOVED
from usercore.tokens.changes import REGISTRATION_KNOWN, REGISTRATION_REQUESTED
from usercore.users.model import (
    CONFIRMATION_REQUESTED,
    EMAIL_CHANGE_REQUESTED,
    EMAIL_CHANGE_UNDONE,
    EMAIL_REPLACED,
    WELCOMED,
)


def _always(entry: Entry) -> bool:  # noqa: ARG001 - a condition
    return True


def _with_password(entry: Entry) -> bool:
    return bool(entry.new.get("with_password"))


def _without_password(entry: Entry) -> bool:
    return not _with_password(entry)


def _can_undo(entry: Entry) -> bool:
    return bool(entry.old.get("can_undo"))


def _cannot_undo(entry: Entry) -> bool:
    return not _can_undo(entry)


@frozen(kw_only=True)
class MailDefinition:
    """One mail: the change that asks for it, its text, and how its recipient and secret are found."""

    kind: MailKind
    change: ChangeKind
    template: MailTemplate
    prepare: Prepare
    """Returns None if the mail is to be dropped."""
    when: Callable[[Entry], bool] = _always
    """Which of the changes of this kind ask for this mail."""
    to_unconfirmed: bool = False
    """Whether it is mailed to users who are not confirmed, whatever ``MailPolicy.mail_unconfirmed`` says: who can read
    the address asked for it, or it goes to an address that was verified."""


MAILS: Final = (
    MailDefinition(
        kind=MailKind.WELCOME,
        change=WELCOMED,
        when=_without_password,
        prepare=present_address,
        template=MailTemplate(
            subject="Welcome to {product}",
            text="Your account is ready.\n\nSign in here: {link}\n",
            link="sign_in",
        ),
    ),
    MailDefinition(
        kind=MailKind.WELCOME_PASSWORD,
        change=WELCOMED,
        when=_with_password,
        prepare=generated_password,
        template=MailTemplate(
            subject="Welcome to {product}",
            text=(
                "Your account is ready.\n\nSign in here: {link}\nYour first password: {secret}\n\n"
                "It works for {lifetime}. Please choose one of your own when you have signed in.\n"
            ),
            link="sign_in",
        ),
    ),
    MailDefinition(
        kind=MailKind.REGISTRATION,
        to_unconfirmed=True,
        change=REGISTRATION_REQUESTED,
        prepare=registration_link,
        template=MailTemplate(
            subject="Finish your registration with {product}",
            text=(
                "Somebody, probably you, wants to register this address.\n\nFinish here: {link}\n\n"
                "The link works once. If it was not you, do nothing.\n"
            ),
            link="registration",
        ),
    ),
    MailDefinition(
        kind=MailKind.PASSWORD_RESET,
        to_unconfirmed=True,
        change=RESET_REQUESTED,
        prepare=reset_link,
        template=MailTemplate(
            subject="Set a new password for {product}",
            text=(
                "Somebody, probably you, wants to set a new password for your account.\n\nSet it here: {link}\n\n"
                "The link works once, for {lifetime}. If it was not you, do nothing.\n"
            ),
            link="reset",
        ),
    ),
    MailDefinition(
        kind=MailKind.PASSWORD_CHANGED,
        change=REPLACED,
        prepare=address_in_change,
        template=MailTemplate(
            subject="Your password for {product} was changed",
            text=(
                "A new password was set for your account.\n\n"
                "If it was not you, ask for a new one where you sign in: {link}\n"
            ),
            link="sign_in",
        ),
    ),
    MailDefinition(
        kind=MailKind.SUSPICIOUS,
        change=SUSPECTED,
        when=_without_password,
        prepare=present_address,
        template=MailTemplate(
            subject="Something unusual happened to your account for {product}",
            text=(
                "Somebody else may have used your account. To be safe, you were signed out everywhere.\n\n"
                "Sign in here: {link}\n"
            ),
            link="sign_in",
        ),
    ),
    MailDefinition(
        kind=MailKind.SUSPICIOUS_PASSWORD,
        change=SUSPECTED,
        when=_with_password,
        prepare=generated_password,
        template=MailTemplate(
            subject="Something unusual happened to your account for {product}",
            text=(
                "Somebody else may have used your account. To be safe, you were signed out everywhere, and your "
                "password no longer works.\n\nSign in here: {link}\nYour new password: {secret}\n\n"
                "It works for {lifetime}. Please choose one of your own when you have signed in.\n"
            ),
            link="sign_in",
        ),
    ),
    MailDefinition(
        kind=MailKind.HAVE_ACCOUNT,
        to_unconfirmed=True,
        change=REGISTRATION_KNOWN,
        prepare=present_address,
        template=MailTemplate(
            subject="You have an account with {product}",
            text=(
                "Somebody, probably you, wanted to register this address, and it has an account already.\n\n"
                "Sign in here: {link}\n\nIf it was not you, do nothing.\n"
            ),
            link="sign_in",
        ),
    ),
    MailDefinition(
        kind=MailKind.CONFIRMATION,
        to_unconfirmed=True,
        change=CONFIRMATION_REQUESTED,
        prepare=confirmation_link,
        template=MailTemplate(
            subject="Confirm your address for {product}",
            text=(
                "Please confirm that this is your address: {link}\n\n"
                "The link works once, for {lifetime}. If you have no account, do nothing.\n"
            ),
            link="confirmation",
        ),
    ),
    MailDefinition(
        kind=MailKind.EMAIL_CHANGE,
        to_unconfirmed=True,
        change=EMAIL_CHANGE_REQUESTED,
        prepare=change_link,
        template=MailTemplate(
            subject="Confirm your new address for {product}",
            text=(
                "Somebody, probably you, wants to use this address for an account.\n\nConfirm it here: {link}\n\n"
                "The link works once, for {lifetime}. If it was not you, do nothing.\n"
            ),
            link="email_change",
        ),
    ),
    MailDefinition(
        kind=MailKind.EMAIL_CHANGED_UNDO,
        to_unconfirmed=True,
        change=EMAIL_REPLACED,
        when=_can_undo,
        prepare=undo_link,
        template=MailTemplate(
            subject="Your address for {product} was changed",
            text=(
                "The email address of your account is no longer this one.\n\n"
                "If it was not you who changed it, undo it here: {link}\n\n"
                "That restores this address, and signs out everybody who signed in since. "
                "The link works once, for {lifetime}.\n"
            ),
            link="undo",
        ),
    ),
    MailDefinition(
        kind=MailKind.EMAIL_RESTORED,
        to_unconfirmed=True,
        change=EMAIL_CHANGE_UNDONE,
        prepare=reset_link,
        template=MailTemplate(
            subject="Your address for {product} was restored",
            text=(
                "This is the email address of your account again.\n\nPlease set a new password: {link}\n\n"
                "The link works once, for {lifetime}.\n"
            ),
            link="reset",
        ),
    ),
    MailDefinition(
        kind=MailKind.EMAIL_CHANGED,
        to_unconfirmed=True,
        change=EMAIL_REPLACED,
        when=_cannot_undo,
        prepare=previous_address,
        template=MailTemplate(
            subject="Your address for {product} was changed",
            text=(
                "The email address of your account is no longer this one.\n\n"
                "If you did not ask for that, please answer the people who run {product}.\n"
            ),
        ),
    ),
    MailDefinition(
        kind=MailKind.PASSKEY_ADDED,
        change=PASSKEY_ADDED,
        prepare=address_then,
        template=MailTemplate(
            subject="A passkey was added to {product}",
            text=(
                "Your account can now be signed in to with a new passkey.\n\n"
                "If you did not add it, please answer the people who run {product}.\n"
            ),
        ),
    ),
    MailDefinition(
        kind=MailKind.PASSKEY_REMOVED,
        change=PASSKEY_REMOVED,
        prepare=address_then,
        template=MailTemplate(
            subject="A passkey was removed from {product}",
            text=(
                "A passkey of your account was removed and can no longer be used to sign in.\n\n"
                "If you did not ask for that, please answer the people who run {product}.\n"
            ),
        ),
    ),
    MailDefinition(
        kind=MailKind.SECOND_FACTOR_ADDED,
        change=ADDED,
        prepare=address_then,
        template=MailTemplate(
            subject="An authenticator app was added for {product}",
            text=(
                "An authenticator app was added to your account: from now on its codes are asked for.\n\n"
                "If that was not you, please answer the people who run {product}.\n"
            ),
        ),
    ),
    MailDefinition(
        kind=MailKind.SECOND_FACTOR_REMOVED,
        change=REMOVED,
        prepare=address_then,
        template=MailTemplate(
            subject="An authenticator app was removed for {product}",
            text=(
                "An authenticator app was removed from your account. Its codes work no more.\n\n"
                "If that was not you, please answer the people who run {product}.\n"
            ),
        ),
    ),
    MailDefinition(
        kind=MailKind.RECOVERY_CODES_MADE,
        change=RECOVERY_CODES_MADE,
        prepare=address_then,
        template=MailTemplate(
            subject="New recovery codes for {product}",
            text=(
                "New recovery codes were made for your account. Older ones work no more.\n\n"
                "If that was not you, please answer the people who run {product}.\n"
            ),
        ),
    ),
    MailDefinition(
        kind=MailKind.RECOVERY_CODE_USED,
        change=RECOVERY_CODE_USED,
        prepare=address_then,
        template=MailTemplate(
            subject="A recovery code for {product} was used",
            text=(
                "Somebody signed in to your account with a recovery code. The code works no more.\n\n"
                "If that was not you, please answer the people who run {product}.\n"
            ),
        ),
    ),
)

CHANGES: Final = frozenset(definition.change.name for definition in MAILS)
"""The kinds of changes that ask for a mail."""

SUBSCRIBED: Final = CHANGES | {RESET_OF_UNKNOWN.name}
"""The kinds that the mailer subscribes to. One sends nothing: requests for known and unknown logins must be alike."""

LINKS: Final = {definition.kind: definition.template.link for definition in MAILS if definition.template.link}
"""The name of the link that each kind of mail needs, if it needs one."""


def mail_for(entry: Entry) -> MailDefinition | None:
    """Return the mail that a change asks for, or None."""
    found = (definition for definition in MAILS if definition.change.name == entry.kind and definition.when(entry))
    return next(found, None)
