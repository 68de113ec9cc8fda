"""Checking a store as a whole: all active tenants, page by page, and what the host brings."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from tests.services.factors import enroll
from tests.services.helpers import PASSWORD, dump, over, register, sign_in
from usercore import (
    AccessTokenPolicy,
    ComplianceReport,
    Invalid,
    StoreAccess,
    SystemOnly,
    UserCore,
)
from usercore.compliance import service
from usercore.testing import FakeClock, FakeHasher

DAY = timedelta(days=1)


def check(core: UserCore, **arguments: Any) -> ComplianceReport:
    """Check the store of a core."""
    return core.tenant("system").compliance.check(**arguments)


def found(report: ComplianceReport) -> dict[str, tuple[str, str]]:
    """Return how each check ended and what it found, by its id."""
    return {one.check: (one.outcome.value, one.found) for one in report.results}


def test_the_data_of_all_active_tenants_are_examined(core: UserCore, hasher: FakeHasher) -> None:
    system = core.tenant("system")
    for key in ("acme", "closed"):
        system.tenants.create(key, key)
        register(core.tenant(key), "ann")
    system.tenants.deactivate("closed")
    admin, _ = (register(system, name, password=PASSWORD) for name in ("root", "boss"))
    enroll(system, admin)
    role = core.roles.create("Clerk", privileged=True)
    clerk = register(core, "clerk", password=PASSWORD)
    core.roles.give(clerk.id, role.id)
    hasher.profile = "newer"
    sign_in(core, register(core, "bob", password=PASSWORD))
    core.users.deactivate(register(core, "gone").id)
    report = check(core)
    shown = found(report)
    assert (report.users, report.is_complete) == (5, True)
    assert shown["admins_with_factor"] == ("failed", "1 of 2 admins have neither a second factor nor a passkey")
    assert shown["privileged_with_factor"] == (
        "failed",
        "1 of 1 privileged users have neither a second factor nor a passkey",
    )
    assert shown["outdated_hashes"] == ("failed", "3 of 4 stored hashes are outdated")
    assert shown["verified_emails"] == ("failed", "5 of 5 users have an unverified email")
    assert shown["factor_keys"] == ("passed", "0 of 1 second factors cannot be decrypted")
    assert shown["outlasting_sessions"] == ("passed", "0 of 1 open sessions end too late")
    assert {one.check for one in report.failed} == {name for name, (outcome, _) in shown.items() if outcome == "failed"}


def test_nothing_is_changed(core: UserCore) -> None:
    sign_in(core, register(core, password=PASSWORD))
    before = dump(core)
    check(core)
    assert dump(core) == before


def test_sessions_of_a_longer_policy_are_found_after_it_was_shortened(core: UserCore, clock: FakeClock) -> None:
    sign_in(core, register(core))
    policy = attrs.evolve(core.policy, access_tokens=AccessTokenPolicy(lifetime=30 * DAY))
    shown = found(check(over(core, policy=policy)))
    assert shown["outlasting_sessions"] == ("failed", "1 of 1 open sessions end too late")
    clock.now += 400 * DAY
    assert found(check(over(core, policy=policy)))["outlasting_sessions"] == ("not_applicable", "no open sessions")


def test_cleaning_up_is_overdue_until_it_was_run(core: UserCore, clock: FakeClock) -> None:
    sign_in(core, register(core))
    clock.now += 368 * DAY
    assert found(check(core))["cleanup"][0] == "failed"
    core.cleanup()
    assert found(check(core))["cleanup"][0] != "failed"


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_pages_of_every_size_count_the_same(core: UserCore, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", batch)
    system = core.tenant("system")
    for key, count in (("system", 2), ("main", 3), ("acme", 4)):
        if key == "acme":
            system.tenants.create(key, key)
        for number in range(count):
            register(core.tenant(key), f"n{number}")
    seen: list[int] = []
    report = check(core, on_progress=seen.append)
    assert (report.users, report.is_complete) == (9, True)
    assert seen == sorted(seen)
    assert seen[-1] == 9
    for most in range(1, 11):
        bounded = check(core, max_users=most)
        assert (bounded.users, bounded.is_complete) == (min(most, 9), most >= 9)
        assert found(bounded)["admins_with_factor"][1].startswith(f"{min(most, 2)} of {min(most, 2)} admins ")


def test_what_the_host_passes_is_known_unless_the_caller_is_not_the_host(core: UserCore) -> None:
    checked = over(core, password_checks=[lambda _: ()])
    assert found(check(core))["breached_passwords"][0] == "failed"
    assert found(check(checked))["breached_passwords"][0] == "passed"
    assert found(check(core))["notices"][0] == "passed"
    assert found(check(over(core, mailer=None)))["notices"][0] == "failed"
    unknown = found(check(checked, knows_host=False))
    assert {unknown[name][0] for name in ("breached_passwords", "notices")} == {"not_applicable"}
    assert unknown["hash_cost"] == ("passed", "argon2id with 19,456 KiB, passes: 2")
    assert found(check(core))["hash_cost"][0] == "not_applicable"  # of the host's hasher nothing is known


def test_the_store_is_judged_if_its_access_is_given(core: UserCore) -> None:
    shown = found(check(core, store=StoreAccess(files=(("people.db", 0o644),))))
    assert shown["store_files"] == ("failed", "people.db 0644")
    assert shown["store_encryption"][0] == "not_applicable"


def test_only_the_core_of_system_may_check(core: UserCore) -> None:
    with pytest.raises(SystemOnly):
        core.compliance.check()
    with pytest.raises(TypeError):
        core.tenant("system").atomic(lambda joined: joined.compliance.check())


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"skip": ["unheard_of"]}, "skip"), ({"max_users": 0}, "max_users"), ({"max_users": -1}, "max_users")],
)
def test_arguments_that_do_not_fit_are_refused_by_field(core: UserCore, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(core, **arguments)
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize(
    "arguments",
    [
        {"skip": "pepper"},
        {"skip": [1]},
        {"skip": 5},
        {"store": "sqlite:///people.db"},
        {"max_users": True},
        {"on_progress": 5},
        {"knows_host": 1},
    ],
)
def test_arguments_of_wrong_types_are_refused(core: UserCore, arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        check(core, **arguments)
