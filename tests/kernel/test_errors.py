"""The reason of a storage error is for operators, and is not part of answers to users."""

import copy
import pickle

import pytest

from usercore import StorageError
from usercore.kernel.errors import NewerSchema, Unavailable

REASON = "no such folder: '/srv/missing'"


def all_errors(base: type[StorageError] = StorageError) -> list[type[StorageError]]:
    return [base, *(error for special in base.__subclasses__() for error in all_errors(special))]


SIMPLE = [error for error in all_errors() if error.__module__ == "usercore.kernel.errors" and error is not NewerSchema]


@pytest.mark.parametrize("error", SIMPLE)
def test_a_storage_error_shows_its_reason_behind_its_code(error: type[StorageError]) -> None:
    assert str(error(REASON)) == f"{error.code}: {REASON}"
    assert error(REASON).reason == error(reason=REASON).reason == REASON


@pytest.mark.parametrize("error", SIMPLE)
def test_a_storage_error_without_a_reason_shows_its_code_alone(error: type[StorageError]) -> None:
    with pytest.raises(error) as raised:
        raise error
    assert str(raised.value) == error.code
    assert raised.value.reason is None


def test_a_newer_schema_shows_both_versions_and_has_no_other_reason() -> None:
    assert str(NewerSchema(3, 1)) == "storage.newer_schema found=3 known=1"
    assert NewerSchema(3, 1).reason is None


def test_the_reason_is_not_among_the_fields_of_an_answer() -> None:
    assert Unavailable(REASON).fields() == {}


@pytest.mark.parametrize("reason", [REASON, None])
def test_a_storage_error_keeps_its_reason_when_pickled_or_copied(reason: str | None) -> None:
    error = Unavailable(reason)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own bytes
        assert type(twin) is Unavailable
        assert (twin.reason, str(twin)) == (reason, str(error))
