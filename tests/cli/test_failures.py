"""The exit status of errors."""

from scripts.make_errors import find_errors
from usercore import LostRace, Overloaded, StorageError, UsercoreError
from usercore_cli.failures import ExitStatus, status_of


def test_what_may_succeed_when_tried_again_has_failed_and_the_rest_is_refused() -> None:
    statuses = {error: status_of(error.__new__(error)) for error in find_errors()}
    failed = {error for error, status in statuses.items() if status is ExitStatus.FAILED}
    assert failed == {error for error in statuses if issubclass(error, StorageError)} | {
        LostRace,
        Overloaded,
        UsercoreError,
    }
    assert {status for error, status in statuses.items() if error not in failed} == {ExitStatus.REFUSED}
