"""What a URL says, and what it may not say."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from usercore_storage.postgres.connections import begin_of
from usercore_storage.postgres.location import location_of


def test_a_plain_url_has_sane_defaults() -> None:
    location = location_of("postgresql://ann@localhost:5433/people")
    assert (location.isolation, location.timeout, location.prepare) == ("SERIALIZABLE", 10, 1)
    assert (location.pool_min, location.pool_max) == (0, 10)
    told = conninfo_to_dict(location.conninfo)
    assert (told["host"], told["port"], told["user"], told["dbname"]) == ("localhost", "5433", "ann", "people")
    assert told["client_encoding"] == "utf8"
    assert int(told["connect_timeout"] or 0) > 0
    assert "target_session_attrs" not in told


def test_our_options_are_read_and_the_rest_is_handed_on() -> None:
    location = location_of(
        "postgresql://h/d?isolation=read_committed&pool_min=2&sslmode=require&pool_max=3&timeout=4"
        "&application_name=crm%20two&prepare=0&connect_timeout=3"
    )
    assert (location.isolation, location.timeout, location.prepare) == ("READ COMMITTED", 4, 0)
    assert (location.pool_min, location.pool_max) == (2, 3)
    told = conninfo_to_dict(location.conninfo)
    assert (told["sslmode"], told["application_name"], told["connect_timeout"]) == ("require", "crm two", "3")


def test_of_several_hosts_the_one_that_can_be_written_to_is_taken() -> None:
    told = conninfo_to_dict(location_of("postgresql://one:5432,two:5433/people").conninfo)
    assert (told["host"], told["port"], told["target_session_attrs"]) == ("one,two", "5432,5433", "read-write")
    told = conninfo_to_dict(location_of("postgresql://one,two/people?target_session_attrs=any").conninfo)
    assert told["target_session_attrs"] == "any"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://h/d",
        "postgresql://h/d#f",
        "postgresql://h/d?isolation=snapshot",
        "postgresql://h/d?isolation",
        "postgresql://h/d?pool_max=0",
        "postgresql://h/d?pool_max=many",
        "postgresql://h/d?pool_max=-1",
        "postgresql://h/d?pool_max=٣",
        "postgresql://h/d?pool_min=11",
        "postgresql://h/d?timeout=0",
        "postgresql://h/d?prepare=2",
        "postgresql://h/d?no_such_option=1",
        "postgresql://h:port/d?x",
    ],
)
def test_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a PostgreSQL URL is"):
        location_of(url)


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(location_of("postgresql://ann:hunter2@h/d"))
    with pytest.raises(ValueError, match="a PostgreSQL URL is") as refusal:
        location_of("postgresql://ann:hunter2@h/d?hunter2")
    assert "hunter2" not in f"{refusal.value} {refusal.value.__cause__}"


def test_a_unit_begins_with_all_its_settings_at_once() -> None:
    begin = begin_of(location_of("postgresql://h/d?timeout=7&isolation=read_committed"))
    assert begin.startswith("BEGIN ISOLATION LEVEL READ COMMITTED;")
    assert "lock_timeout = '7s'" in begin
