"""The meaning of the server's codes: which lost races run again, and which error stands for which code."""

import psycopg
import pytest
from psycopg import errors

from scripts.postgres_server import Server
from usercore.kernel.errors import Busy, Corrupt, Full, LostRace, ReadOnly, RunAgain, StorageError, Unavailable
from usercore_storage.postgres.errors import translate_error
from usercore_storage.postgres.location import location_of
from usercore_storage.postgres.storage import connected

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


def test_a_lost_race_outside_units_is_a_public_error(server: Server, database: str) -> None:
    """A standby cancels queries so, because it may not delay what it replays."""
    with pytest.raises(LostRace), connected(location_of(server.url(database))) as connection:
        connection.command("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$")
