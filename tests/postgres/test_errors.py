"""The meaning of the server's codes: which lost races run again, and which error stands for which code."""

import psycopg
import pytest
from psycopg import errors

from usercore.kernel.errors import Busy, Corrupt, Full, ReadOnly, RunAgain, StorageError, Unavailable
from usercore_storage.postgres.errors import translate_error

MEANINGS: dict[type[psycopg.Error], type[Exception]] = {
    errors.UniqueViolation: RunAgain,
    errors.SerializationFailure: RunAgain,
    errors.DeadlockDetected: RunAgain,
    errors.LockNotAvailable: Busy,
    errors.QueryCanceled: Busy,
    errors.TooManyConnections: Busy,
    errors.OutOfMemory: Busy,
    errors.DiskFull: Full,
    errors.ConfigurationLimitExceeded: Full,
    errors.ReadOnlySqlTransaction: ReadOnly,
    errors.DataCorrupted: Corrupt,
    errors.IndexCorrupted: Corrupt,
    errors.AdminShutdown: Unavailable,
    errors.CrashShutdown: Unavailable,
    errors.CannotConnectNow: Unavailable,
    errors.IdleInTransactionSessionTimeout: Unavailable,
    errors.ConnectionFailure: Unavailable,
    errors.InvalidPassword: Unavailable,
    errors.InvalidCatalogName: Unavailable,
    errors.InsufficientPrivilege: Unavailable,
    errors.UndefinedTable: Unavailable,
    errors.IoError: Unavailable,
    errors.NotNullViolation: StorageError,
    errors.InternalError_: StorageError,
    psycopg.OperationalError: Unavailable,
    psycopg.InterfaceError: Unavailable,
    psycopg.DataError: StorageError,
}


@pytest.mark.parametrize(("error", "meaning"), MEANINGS.items(), ids=lambda one: one.__name__)
def test_a_code_has_one_meaning(error: type[psycopg.Error], meaning: type[Exception]) -> None:
    assert type(translate_error(error("whatever it says: deadlock, disk full, duplicate key"))) is meaning
