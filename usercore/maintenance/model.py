"""How long rows are stored, and what a cleanup removed."""

from datetime import timedelta

from usercore.kernel.bounds import optional_span, span
from usercore.kernel.entity import entity
from usercore.kernel.values import frozen


@frozen(kw_only=True)
class RetentionPolicy:
    """How long rows are stored. History, and the sources that users came from, are stored for ever. Source: spec K8."""

    tokens: timedelta = span(timedelta(days=30), least=timedelta(0))
    attempts: timedelta = span(timedelta(days=365), least=timedelta(0))
    unknown_logins: timedelta = span(timedelta(days=30), least=timedelta(0))
    """How long an attempt that found no user has its login: a password may have been typed into the wrong field.

    So long are requests for such logins stored, too."""

    registration_addresses: timedelta = span(timedelta(days=30), least=timedelta(0))
    """How long the email of a registration that made no user is stored, if its link has expired: in the request, its
    history and the attempt."""

    remove_unconfirmed_after: timedelta | None = optional_span(least=timedelta(days=1))
    """When users are removed who were registered or imported and never came: who are not confirmed, have no verified
    email, never signed in, and were last changed so long ago. Nothing is left of them; None removes none. Users of
    ``system``, and deactivated or unclaimed ones stay. Those who claimed others are erased with them. Source: spec U12.
    """

    actions: timedelta | None = optional_span(least=timedelta(days=1))
    """How long the actions that the host logs are stored; None is for ever. Source: usercore: as history is."""

    deliveries: timedelta = span(timedelta(days=7), least=timedelta(0))
    throttles: timedelta = span(timedelta(days=1), least=timedelta(0))


@entity
class Cleaned:
    """How many rows of each kind were removed; ``unknown_logins`` and ``registration_addresses`` were blanked.

    ``requests_of_unknown`` are requests to reset a password for logins that no user had. ``roles`` and ``groups`` count
    what was deleted, and the records of their holders and members.
    ``tenants`` counts the users of deleted tenants, who were erased, and what else was stored of these tenants: roles,
    groups, tokens of programs and devices, requests to register, and actions about no user.
    """

    unconfirmed_users: int
    access_tokens: int
    device_tokens: int
    remembered_devices: int
    limited_use_tokens: int
    api_tokens: int
    sign_in_challenges: int
    registration_links: int
    email_changes: int
    held_keys: int
    attempts: int
    registration_attempts: int
    unknown_logins: int
    requests_of_unknown: int
    registration_addresses: int
    user_agents: int
    actions: int
    deliveries: int
    failure_counters: int
    rate_limits: int
    tenants: int
    roles: int
    groups: int
