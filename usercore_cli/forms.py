"""The plain data of what only commands print: reports, counts and figures."""

from typing import Final, TypedDict, get_type_hints

from usercore.compliance.model import ComplianceReport, ComplianceResult
from usercore.forms import Form
from usercore.importing.model import BadRecord, ImportReport
from usercore.kernel.errors import FieldError
from usercore.maintenance.model import Cleaned
from usercore.statistics.model import DayCount, HashCount, RegistrationFigures
from usercore_storage import CopyReport, Finding, Repair, RepairReport, Report, VerifyReport


class FieldErrorForm(TypedDict):
    """One thing that is wrong with one field."""

    field: str
    reason: str


_field_error: Final[Form[FieldError, FieldErrorForm, FieldErrorForm]] = Form(FieldErrorForm, FieldErrorForm)


class BadRecordForm(TypedDict):
    """A record that was not imported."""

    line: int
    errors: list[FieldErrorForm]


_bad_record: Final[Form[BadRecord, BadRecordForm, BadRecordForm]] = Form(
    BadRecordForm,
    BadRecordForm,
    {"errors": lambda value, audience: [_field_error(one, audience) for one in value.errors]},
)


class ImportReportForm(TypedDict):
    """What an import did; ``bad`` has the first 1000 bad records."""

    created: int
    updated: int
    unchanged: int
    bad_count: int
    bad: list[BadRecordForm]


import_report: Final[Form[ImportReport, ImportReportForm, ImportReportForm]] = Form(
    ImportReportForm,
    ImportReportForm,
    {"bad": lambda value, audience: [_bad_record(one, audience) for one in value.bad]},
)


class FindingForm(TypedDict):
    """One problem of a store."""

    kind: str
    table: str
    key: str
    problem: str


finding: Final[Form[Finding, FindingForm, FindingForm]] = Form(FindingForm, FindingForm)


class ReportForm(TypedDict):
    """What a check found."""

    is_clean: bool
    rows: int
    left_out: int
    findings: list[FindingForm]


report: Final[Form[Report, ReportForm, ReportForm]] = Form(
    ReportForm,
    ReportForm,
    {"findings": lambda value, audience: [finding(one, audience) for one in value.findings]},
)


class RepairForm(TypedDict):
    """One repair of a store."""

    kind: str
    table: str
    key: str


repair: Final[Form[Repair, RepairForm, RepairForm]] = Form(RepairForm, RepairForm)


class RepairReportForm(TypedDict):
    """What a repair did, and what a check found after it."""

    repairs: list[RepairForm]
    check: ReportForm


repair_report: Final[Form[RepairReport, RepairReportForm, RepairReportForm]] = Form(
    RepairReportForm,
    RepairReportForm,
    {
        "repairs": lambda value, audience: [repair(one, audience) for one in value.repairs],
        "check": lambda value, audience: report(value.check, audience),
    },
)


class VerifyReportForm(TypedDict):
    """How many cases of the contract passed, and which failed."""

    is_passed: bool
    passed: int
    failed: list[str]
    left_out: list[str]


verify_report: Final[Form[VerifyReport, VerifyReportForm, VerifyReportForm]] = Form(
    VerifyReportForm,
    VerifyReportForm,
    {
        "failed": lambda value, audience: list(value.failed),  # noqa: ARG005 - the same for all
        "left_out": lambda value, audience: list(value.left_out),  # noqa: ARG005 - as above
    },
)


class CopyReportForm(TypedDict):
    """What a copy did; ``waited`` and ``closed`` are seconds."""

    is_finished: bool
    rows: int
    compared: int
    changes: int
    last_changes: int
    waited: float
    closed: float


copy_report: Final[Form[CopyReport, CopyReportForm, CopyReportForm]] = Form(
    CopyReportForm,
    CopyReportForm,
    {
        name: lambda value, audience, name=name: getattr(value, name).total_seconds()  # type: ignore[misc]  # noqa: ARG005 - the same for all
        for name in ("waited", "closed")
    },
)


class DayCountForm(TypedDict):
    """How many users registered on a day."""

    day: str
    count: int


_day_count: Final[Form[DayCount, DayCountForm, DayCountForm]] = Form(DayCountForm, DayCountForm)


class HashCountForm(TypedDict):
    """How many passwords of an age are hashed in a format."""

    format: str
    pepper_id: str | None
    years: int
    count: int


hash_count: Final[Form[HashCount, HashCountForm, HashCountForm]] = Form(HashCountForm, HashCountForm)


class FiguresForm(TypedDict):
    """How many users registered, and how many are active."""

    active: int
    today: int
    yesterday: int
    this_month: int
    last_month: int
    last_month_to_date: int
    by_day: list[DayCountForm]


figures: Final[Form[RegistrationFigures, FiguresForm, FiguresForm]] = Form(
    FiguresForm,
    FiguresForm,
    {"by_day": lambda value, audience: [_day_count(one, audience) for one in value.by_day]},
)


def cleaned(value: Cleaned) -> dict[str, int]:
    """Return how many rows of each kind a clean-up removed."""
    return {name: getattr(value, name) for name in get_type_hints(Cleaned)}


class ComplianceResultForm(TypedDict):
    """The result of a check; a clause is the short name of its standard and its number."""

    check: str
    title: str
    clauses: list[str]
    outcome: str
    found: str
    expected: str


_compliance_result: Final[Form[ComplianceResult, ComplianceResultForm, ComplianceResultForm]] = Form(
    ComplianceResultForm,
    ComplianceResultForm,
    {"clauses": lambda value, audience: list(map(str, value.clauses))},  # noqa: ARG005 - the same for all
)


class ComplianceForm(TypedDict):
    """The results of all checks, and how many users were examined."""

    results: list[ComplianceResultForm]
    users: int
    is_complete: bool


compliance: Final[Form[ComplianceReport, ComplianceForm, ComplianceForm]] = Form(
    ComplianceForm,
    ComplianceForm,
    {"results": lambda value, audience: [_compliance_result(one, audience) for one in value.results]},
)
