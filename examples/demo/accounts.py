"""What has no counterpart in the documents: mailed links, forgotten passwords, devices, a takeover, a second factor."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pyotp

from examples.demo.remp import PASSWORD, USER
from examples.demo.setting import Demo
from usercore import Email, SecondFactorRequired, Secret

NEW_PASSWORD: Final = "seven pelicans over Trnava"


def play(demo: Demo) -> Iterator[str]:
    """Play each of them with the user of the REMP document."""
    yield from _mail_links(demo)
    yield from _forget_password(demo)
    yield from _pair_devices(demo)
    yield from _undo_takeover(demo)
    yield from _use_second_factor(demo)


def _mail_links(demo: Demo) -> Iterator[str]:
    """Request a registration without an account, and deliver the email."""
    yield "== Mails =="
    demo.core.registration.request("guest@example.com")
    demo.core.registration.request(USER)
    yield f"asked for a free and for a taken email; delivered: {demo.core.outbox.deliver()}"
    yield f"still to be delivered: {len(demo.core.outbox.pending().rows)}"


def _forget_password(demo: Demo) -> Iterator[str]:
    """Reset a forgotten password by a mailed link."""
    core, user = demo.core.bind(ip="192.0.2.1"), demo.core.users.get(Email(USER))
    yield "== A forgotten password =="
    session = core.sign_in.with_password(USER, PASSWORD).access_token
    for login in (USER, "unknown@user.sk"):
        core.passwords.request_reset(login)
        yield f"requested for {login}"
    secret = demo.mailed_secret("password_reset")
    yield demo.refused("a common password", lambda: core.passwords.reset(secret, "password123password"))
    core.passwords.reset(secret, NEW_PASSWORD)
    yield demo.refused("the link again", lambda: core.passwords.reset(secret, "eight pelicans over Trnava"))
    yield demo.refused("the session from before", lambda: core.sign_in.identify(session))
    yield demo.refused(
        "the former password",
        lambda: core.sign_in.with_password(USER, PASSWORD),
        user.id,
    )
    yield f"new password: {core.sign_in.with_password(USER, NEW_PASSWORD).user.email}"


def _pair_devices(demo: Demo) -> Iterator[str]:
    """Pair sessions of two users with one device."""
    core = demo.core
    yield "== Devices =="
    phone = core.device_tokens.issue("phone 4711")
    core.sign_in.with_password(USER, NEW_PASSWORD, device_token=phone)
    yield f"the phone is used by {[user.email for user in core.device_tokens.users(phone)]}"
    core.registration.register("second@mail.com", device_token=phone, sign_in=True)
    yield f"after another user: {[user.email for user in core.device_tokens.users(phone)]}"
    yield demo.refused(
        "an unknown device token",
        lambda: core.sign_in.with_password(USER, NEW_PASSWORD, device_token="unknown"),
        Email(USER),
    )


def _undo_takeover(demo: Demo) -> Iterator[str]:
    """Undo the takeover of an account by the first link that was mailed."""
    core, user = demo.core, demo.core.users.get(Email(USER))
    yield "== An email changed, and undone =="
    undo = ""
    for email in ("thief@example.com", "thief2@example.com"):
        core.emails.request_change(user.id, email)
        yield f"requested {email}, still {core.users.get(user.id).email}"
        changed = core.emails.confirm_change(demo.mailed_secret("email_change"))
        yield f"confirmed {changed.email}, verified: {changed.email_verified}"
        undo = undo or demo.mailed_secret("email_changed_undo")
    core.passwords.set(user.id, "the thief chose this one")
    stolen = core.sign_in.with_password("thief2@example.com", "the thief chose this one").access_token
    restored = core.emails.undo_change(undo)
    yield f"undone: {restored.email}, verified: {restored.email_verified}"
    yield demo.refused("the intruder's session", lambda: core.sign_in.identify(stolen))
    yield demo.refused("the link again", lambda: core.emails.undo_change(undo))
    core.passwords.reset(demo.mailed_secret("email_restored"), NEW_PASSWORD)
    yield f"new password: {core.sign_in.with_password(USER, NEW_PASSWORD).user.email}"


def _use_second_factor(demo: Demo) -> Iterator[str]:
    """Enroll an authenticator app, and sign in with its code."""
    core, user = demo.core, demo.core.users.get(Email(USER))
    yield "== A second factor =="
    enrollment = core.second_factors.begin(user.id, name="my phone")
    app = pyotp.TOTP(enrollment.secret.reveal())
    core.second_factors.confirm(user.id, app.at(demo.clock.now))
    codes = core.second_factors.recovery_codes(user.id)
    yield f"enrolled: {core.second_factors.list(user.id)[0].name}, with {len(codes)} recovery codes"
    demo.clock.now += timedelta(minutes=1)
    challenge = _challenge(demo)
    yield demo.refused("a wrong code", lambda: core.sign_in.with_second_factor(challenge, "000000"), user.id)
    code = app.at(demo.clock.now)
    yield f"signed in: {core.sign_in.with_second_factor(challenge, code).user.email}"
    again = _challenge(demo)
    yield demo.refused("the code again", lambda: core.sign_in.with_second_factor(again, code), user.id)
    yield f"by a recovery code: {core.sign_in.with_second_factor(again, codes[0]).user.email}"


def _challenge(demo: Demo) -> Secret:
    """Sign in by the password only, and return the challenge for the second factor."""
    try:
        demo.core.sign_in.with_password(USER, NEW_PASSWORD)
    except SecondFactorRequired as required:
        return required.challenge
    raise AssertionError("no second factor was required")
