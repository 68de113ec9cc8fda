"""Every number of the specification stands once, in a policy or a limit, and is the specification's."""

from datetime import timedelta

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

from usercore.attempts.model import LOGIN_LIMIT
from usercore.composition.policy import Policy
from usercore.kernel.context import USER_AGENT_LIMIT
from usercore.kernel.ids import FIRST_DRAWN, LIMIT
from usercore.kernel.paging import PAGE_LIMIT
from usercore.passwords.model import OWASP, RFC_9106_HIGH, RFC_9106_LOW, HashProfile
from usercore.tenants.rules import NAME_LIMIT
from usercore.tokens.policies import NIST_AAL1
from usercore.users.identifiers import SLOTS
from usercore.users.keys import EMAIL_LIMIT, EXTERNAL_ID_LIMIT, USERNAME_LIMIT

POLICY = Policy()
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))

PROFILES = [(OWASP, 19 * 1024, 2, 1), (RFC_9106_LOW, 64 * 1024, 3, 4), (RFC_9106_HIGH, 2 * 1024 * 1024, 1, 4)]


@pytest.mark.rule("R1", "R3")
def test_twenty_an_hour_register_from_an_address_and_five_a_day_one_email() -> None:
    limits = POLICY.registration
    assert (limits.per_ip, limits.per_ip_window) == (20, HOUR)
    assert (limits.per_email, limits.per_email_window) == (5, DAY)
    assert limits.per_email_pause == 5 * SECOND
    assert limits.blocked_domains == frozenset()


@pytest.mark.rule("R6")
def test_a_drawn_password_lives_fourteen_days() -> None:
    assert POLICY.passwords.generated_lifetime == 14 * DAY


@pytest.mark.rule("P1")
def test_passwords_are_hashed_as_owasp_says_and_without_a_pepper() -> None:
    assert POLICY.passwords.profile is OWASP
    assert POLICY.passwords.peppers == ()


@pytest.mark.rule("P1")
@pytest.mark.parametrize(
    ("profile", "memory_kib", "passes", "lanes"), PROFILES, ids=[profile.name for profile, *_ in PROFILES]
)
def test_a_profile_costs_what_its_source_says(profile: HashProfile, memory_kib: int, passes: int, lanes: int) -> None:
    assert (profile.memory_kib, profile.passes, profile.lanes) == (memory_kib, passes, lanes)
    assert profile.source.startswith(("OWASP", "RFC 9106"))


@pytest.mark.rule("P2")
def test_a_password_has_fifteen_characters_and_at_most_1024_bytes() -> None:
    assert (POLICY.passwords.min_characters, POLICY.passwords.max_bytes) == (15, 1024)


@pytest.mark.rule("S6")
def test_an_attempt_keeps_254_characters_of_the_login_and_512_bytes_of_the_user_agent() -> None:
    assert (LOGIN_LIMIT, USER_AGENT_LIMIT) == (254, 512)


@pytest.mark.rule("S7")
def test_ten_failures_cost_ten_seconds_to_fifteen_minutes_and_a_hundred_the_password() -> None:
    throttles = POLICY.throttles
    assert (throttles.failures_before_wait, throttles.failures_before_void) == (10, 100)
    assert (throttles.first_wait, throttles.max_wait) == (10 * SECOND, 15 * MINUTE)
    assert throttles.ipv6_prefix == 64


@pytest.mark.rule("K2")
def test_an_access_token_lives_a_year_and_ninety_days_unused() -> None:
    tokens = POLICY.access_tokens
    assert (tokens.lifetime, tokens.idle_lifetime, tokens.write_use_every) == (365 * DAY, 90 * DAY, MINUTE)
    assert (NIST_AAL1.lifetime, NIST_AAL1.idle_lifetime) == (30 * DAY, 30 * DAY)


@pytest.mark.rule("K3")
def test_a_login_token_lives_five_minutes_and_a_hundred_are_issued_at_once() -> None:
    assert (POLICY.login_tokens.lifetime, POLICY.login_tokens.max_at_once) == (5 * MINUTE, 100)


@pytest.mark.rule("K4")
def test_an_autologin_token_lives_at_most_a_year_and_is_redeemed_at_most_a_thousand_times() -> None:
    assert (POLICY.autologin_tokens.max_lifetime, POLICY.autologin_tokens.max_uses) == (365 * DAY, 1000)


@pytest.mark.rule("K6")
def test_an_api_token_has_at_most_two_hundred_resources_and_addresses() -> None:
    assert (POLICY.api_tokens.max_resources, POLICY.api_tokens.max_addresses) == (200, 200)


@pytest.mark.rule("K9")
def test_no_event_keeps_tokens_unless_the_host_asks_for_it() -> None:
    assert not POLICY.revocation.keep_at_password_change
    assert not POLICY.revocation.keep_at_deactivation


@pytest.mark.rule("K8")
def test_records_are_kept_as_long_as_they_should_be() -> None:
    kept = POLICY.retention
    assert (kept.tokens, kept.attempts) == (30 * DAY, 365 * DAY)
    assert (kept.unknown_logins, kept.registration_addresses) == (30 * DAY, 30 * DAY)
    assert (kept.deliveries, kept.throttles) == (7 * DAY, DAY)
    assert POLICY.throttles.forgotten_after == DAY


@pytest.mark.rule("X3")
def test_deliveries_are_leased_for_thirty_seconds_and_tried_for_a_day() -> None:
    deliveries = POLICY.deliveries
    assert deliveries.lease == 30 * SECOND
    assert (deliveries.first_pause, deliveries.max_pause) == (SECOND, HOUR)
    assert deliveries.set_aside_after == 24 * HOUR


@pytest.mark.rule("I1", "T3", "U5", "U7", "U8", "U9", "U10")
def test_identifiers_and_pages_are_as_long_as_they_may_be() -> None:
    assert (FIRST_DRAWN, LIMIT) == (2**40, 2**53)
    assert (NAME_LIMIT, EMAIL_LIMIT, USERNAME_LIMIT, EXTERNAL_ID_LIMIT) == (256, 254, 256, 255)
    assert (SLOTS, PAGE_LIMIT) == (4, 1000)


@pytest.mark.parametrize("part", [field.name for field in attrs.fields(Policy)])
def test_a_policy_is_made_anew_and_never_changed(part: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(POLICY, part, None)
    of_part = getattr(POLICY, part)
    with pytest.raises(FrozenInstanceError):
        setattr(of_part, attrs.fields(type(of_part))[0].name, None)


def test_every_wait_and_every_life_takes_some_time() -> None:
    parts = [getattr(POLICY, field.name) for field in attrs.fields(Policy)]
    values = {name: value for part in parts for name, value in attrs.asdict(part, recurse=False).items()}
    assert values.pop("remember_device_for") == timedelta(0), "no device is remembered unless the policy says so"
    spans = [value for value in values.values() if isinstance(value, timedelta)]
    assert len(spans) > 15
    assert min(spans) > timedelta(0)
