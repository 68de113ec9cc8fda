"""Shared by the tests of importing."""

from collections.abc import Iterable, Mapping

from usercore import BadRecord, ImportReport, UserCore

Record = Mapping[str, object]

ANN: Record = {"email": "ann@example.com", "external_id": "K-1", "access_ids": ["a-1"], "first_name": "Ann"}
BOB: Record = {"email": "bob@example.com", "external_id": "K-2", "access_ids": ["b-1"], "first_name": "Bob"}


def imported(core: UserCore, *records: Record) -> ImportReport:
    """Import records."""
    return core.registration.import_users(records)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    """Return how many were created, updated, unchanged, bad."""
    return report.created, report.updated, report.unchanged, report.bad_count


def shown(bad: Iterable[BadRecord]) -> list[str]:
    """Return bad records as they are shown to operators."""
    return [str(one) for one in bad]
