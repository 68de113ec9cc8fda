"""The changes of tokens that history stores, each with its fields."""

from typing import Final

from usercore.kernel.changes import ChangeKind, Subject

ACCESS_ISSUED: Final = ChangeKind("access_token.issued", ("public_id", "authenticator", "source", "expires_at"))


ASSERTED_BY_HOST: Final = ChangeKind("access_token.asserted_by_host", ("public_id", "authenticator"), public=True)
"""The host asserted the identity of a privileged user, so no password was needed. Source: spec T5."""


ACCESS_REVOKED: Final = ChangeKind("access_token.revoked", ("public_id", "revoked_at"), public=True)


TOKENS_REVOKED: Final = ChangeKind(
    "tokens.revoked", ("access", "login", "autologin", "links", "challenges", "devices", "reason"), public=True
)


LOGIN_ISSUED: Final = ChangeKind("login_token.issued", ("public_id", "expires_at"))


LOGIN_REDEEMED: Final = ChangeKind("login_token.redeemed", ("public_id", "redeemed_at"), public=True)


AUTOLOGIN_ISSUED: Final = ChangeKind("autologin_token.issued", ("public_id", "valid_from", "expires_at", "max_uses"))


AUTOLOGIN_REDEEMED: Final = ChangeKind("autologin_token.redeemed", ("public_id", "uses", "redeemed_at"), public=True)


AUTOLOGIN_REVOKED: Final = ChangeKind("autologin_token.revoked", ("public_id", "revoked_at"), public=True)


API_ISSUED: Final = ChangeKind(
    "api_token.issued", ("public_id", "name", "addresses", "expires_at"), public=True, subject=Subject.API_TOKEN
)


API_GRANTS_CHANGED: Final = ChangeKind(
    "api_token.grants_changed", ("resources",), public=True, subject=Subject.API_TOKEN
)


API_ADDRESSES_CHANGED: Final = ChangeKind(
    "api_token.addresses_changed", ("addresses",), public=True, subject=Subject.API_TOKEN
)


API_ACTIVATED: Final = ChangeKind("api_token.activated", ("active",), public=True, subject=Subject.API_TOKEN)


API_DEACTIVATED: Final = ChangeKind("api_token.deactivated", ("active",), public=True, subject=Subject.API_TOKEN)


API_REVOKED: Final = ChangeKind(
    "api_token.revoked", ("public_id", "revoked_at"), public=True, subject=Subject.API_TOKEN
)


LINK_ISSUED: Final = ChangeKind("link.issued", ("kind", "public_id", "expires_at"))


LINK_REDEEMED: Final = ChangeKind("link.redeemed", ("kind", "public_id", "redeemed_at"), public=True)


CHALLENGE_ISSUED: Final = ChangeKind("challenge.issued", ("kind", "public_id", "expires_at"))


CHALLENGE_REDEEMED: Final = ChangeKind("challenge.redeemed", ("kind", "public_id", "redeemed_at"))


DEVICE_ISSUED: Final = ChangeKind("device_token.issued", ("public_id",), subject=Subject.DEVICE_TOKEN)


DEVICE_PAIRED: Final = ChangeKind(
    "device_token.paired",
    ("public_id", "device"),
    frozenset({"device"}),
    public=True,
    always=frozenset({"public_id", "device"}),
)


DEVICE_UNPAIRED: Final = ChangeKind("device_token.unpaired", ("device", "tokens"), frozenset({"device"}), public=True)


DEVICE_REMEMBERED: Final = ChangeKind(
    "device_token.remembered", ("device",), frozenset({"device"}), public=True, always=frozenset({"device"})
)


DEVICE_FORGOTTEN: Final = ChangeKind(
    "device_token.forgotten", ("device", "reason"), frozenset({"device"}), public=True, always=frozenset({"device"})
)


REGISTRATION_REQUESTED: Final = ChangeKind(
    "registration.requested", ("email", "expires_at"), frozenset({"email"}), public=True, subject=Subject.REGISTRATION
)


REGISTRATION_KNOWN: Final = ChangeKind("registration.known", public=True)
"""A registration was requested for the email of a user who has an account."""


REGISTRATION_COMPLETED: Final = ChangeKind(
    "registration.completed", ("completed_at",), public=True, subject=Subject.REGISTRATION
)


KINDS: Final = (
    ACCESS_ISSUED,
    ASSERTED_BY_HOST,
    ACCESS_REVOKED,
    TOKENS_REVOKED,
    LOGIN_ISSUED,
    LOGIN_REDEEMED,
    AUTOLOGIN_ISSUED,
    AUTOLOGIN_REDEEMED,
    AUTOLOGIN_REVOKED,
    API_ISSUED,
    API_GRANTS_CHANGED,
    API_ADDRESSES_CHANGED,
    API_ACTIVATED,
    API_DEACTIVATED,
    API_REVOKED,
    LINK_ISSUED,
    LINK_REDEEMED,
    CHALLENGE_ISSUED,
    CHALLENGE_REDEEMED,
    DEVICE_ISSUED,
    DEVICE_PAIRED,
    DEVICE_UNPAIRED,
    DEVICE_REMEMBERED,
    DEVICE_FORGOTTEN,
    REGISTRATION_REQUESTED,
    REGISTRATION_KNOWN,
    REGISTRATION_COMPLETED,
)
