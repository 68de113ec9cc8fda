"""The host is asked about the users that an import would create, outside any unit, and about no others."""

import attrs
import pytest

from tests.importing.helpers import ANN, BOB, counts, imported, shown
from tests.services.helpers import over, unchanged
from usercore import ExternalId, Gates, LostRace, RegistrationPolicy, RegistrationRequest, UserCore, Vetoed
from usercore.testing import FakeGate, WatchedStorage

pytestmark = pytest.mark.rule("R1", "R7")


@pytest.fixture
def gate(storage: WatchedStorage) -> FakeGate:
    return FakeGate(storage)


@pytest.fixture
def guarded(core: UserCore, gate: FakeGate) -> UserCore:
    """Return a core whose host has a gate."""
    return over(core, gates=Gates(registration=[gate]))


def asked(gate: FakeGate) -> list[str | None]:
    return [application.external_id for application in gate.asked if isinstance(application, RegistrationRequest)]


def test_the_gate_is_asked_about_each_new_user_once(guarded: UserCore, gate: FakeGate) -> None:
    records = [ANN, {**ANN, "note": "again"}, BOB, {"external_id": "K-3", "access_ids": ["a-1"]}]
    assert counts(imported(guarded, *records)) == (2, 1, 0, 1)
    assert asked(gate) == ["K-1", "K-2"]
    (first, _) = gate.asked
    expected = RegistrationRequest(
        email="ann@example.com", username=None, external_id="K-1", channel="import_users", context=guarded.context
    )
    assert first == expected


def test_the_gate_is_not_asked_about_existing_users(guarded: UserCore, core: UserCore, gate: FakeGate) -> None:
    imported(core, ANN, BOB)
    assert counts(imported(guarded, ANN, {**BOB, "note": "new"})) == (0, 1, 1, 0)
    assert gate.asked == []


def test_a_user_that_the_gate_refuses_is_a_bad_record_in_each_import(guarded: UserCore, gate: FakeGate) -> None:
    gate.refusal = Vetoed("bouncer")
    with unchanged(guarded):
        report = imported(guarded, ANN, {**ANN, "note": "again"}, ANN)
    assert shown(report.bad) == [f"line {line}: bouncer: vetoed" for line in (1, 2, 3)]


def test_other_records_are_imported_if_the_gate_refuses_one(core: UserCore) -> None:
    def no_ann(application: RegistrationRequest) -> None:
        if application.external_id == "K-1":
            raise Vetoed("bouncer")

    report = imported(over(core, gates=Gates(registration=[no_ann])), ANN, BOB, {**BOB, "note": "?"})
    assert counts(report) == (1, 1, 0, 1)


def test_another_exception_of_a_gate_ends_the_import(guarded: UserCore, gate: FakeGate) -> None:
    gate.refusal = ZeroDivisionError()
    with unchanged(guarded), pytest.raises(ZeroDivisionError):
        imported(guarded, ANN)


def test_emails_are_checked_and_blocked_domains_are_refused(core: UserCore) -> None:
    def check(email: str) -> str | None:
        return "no_mail_there" if email.startswith("bob") else None

    policy = attrs.evolve(core.policy, registration=RegistrationPolicy(blocked_domains=frozenset({"spam.example.com"})))
    spam, without = {"email": "x@spam.example.com"}, {"external_id": "K-9"}
    report = imported(over(core, policy=policy, email_checks=[check]), ANN, BOB, spam, without)
    assert counts(report) == (2, 0, 0, 2)
    assert shown(report.bad) == ["line 2: email: no_mail_there", "line 3: email: blocked_domain"]


@pytest.fixture
def overtaken(core: UserCore, gate: FakeGate) -> UserCore:
    """Return a core whose gate, at its first call, removes the id by which Ann is named."""
    imported(core, ANN)

    def ask(application: RegistrationRequest) -> None:
        gate(application)
        if core.users.find(ExternalId("K-1")):
            core.users.unlink_external_id(ExternalId("K-1"))

    return over(core, gates=Gates(registration=[ask]))


def test_no_user_is_created_without_asking_the_host(overtaken: UserCore, gate: FakeGate) -> None:
    assert counts(imported(overtaken, BOB, {"external_id": "K-1"})) == (2, 0, 0, 0)
    assert asked(gate) == ["K-2", "K-2", "K-1"]


def test_with_all_or_nothing_the_host_is_asked_outside_the_unit(overtaken: UserCore) -> None:
    with pytest.raises(LostRace):
        overtaken.registration.import_users([BOB, {"external_id": "K-1"}], all_or_nothing=True)
    assert overtaken.users.find(ExternalId("K-2")) is None
