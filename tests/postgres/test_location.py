"""Which URLs are accepted, and what they mean."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from usercore_storage.postgres.deadlines import begin_check_of, begin_of, begin_read_of
from usercore_storage.postgres.location import location_of


def test_a_plain_url_has_sane_defaults() -> None:
    location = location_of("postgresql://ann@localhost:5433/people")
    assert (location.isolation, location.timeout, location.prepare) == ("READ COMMITTED", 10, 1)
    assert (location.pool_min, location.pool_max) == (0, 10)
    told = conninfo_to_dict(location.conninfo)
    assert (told["host"], told["port"], told["user"], told["dbname"]) == ("localhost", "5433", "ann", "people")
    assert told["client_encoding"] == "utf8"
    assert int(told["connect_timeout"] or 0) > 0
    assert "target_session_attrs" not in told


def test_our_options_are_parsed_and_others_are_passed_to_libpq() -> None:
    location = location_of(
        "postgresql://h/d?isolation=serializable&pool_min=2&sslmode=require&pool_max=3&timeout=4"
        "&application_name=crm%20two&prepare=0&connect_timeout=3"
    )
    assert (location.isolation, location.timeout, location.prepare) == ("SERIALIZABLE", 4, 0)
    assert (location.pool_min, location.pool_max) == (2, 3)
    told = conninfo_to_dict(location.conninfo)
    assert (told["sslmode"], told["application_name"], told["connect_timeout"]) == ("require", "crm two", "3")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://", {}),
        ("postgresql:///people", {"dbname": "people"}),
        ("postgresql:///people?", {"dbname": "people"}),
        ("postgresql:///people?pool_max=5", {"dbname": "people"}),
        ("postgresql:///people?host=/run/sockets&timeout=3", {"dbname": "people", "host": "/run/sockets"}),
        ("postgresql://%2Frun%2Fsockets/people", {"dbname": "people", "host": "/run/sockets"}),
        ("postgresql:///people?host=@abstract&user=crm", {"dbname": "people", "host": "@abstract", "user": "crm"}),
        ("postgresql://crm@/people", {"dbname": "people", "user": "crm"}),
        ("postgresql://[::1]:5433/people", {"dbname": "people", "host": "::1", "port": "5433"}),
        (
            "postgresql://crm:[s3cret]@db.example/people",
            {"dbname": "people", "host": "db.example", "user": "crm", "password": "[s3cret]"},
        ),
        (
            "postgresql://crm:a?b@h/d?pool_max=2&sslmode=require",
            {"dbname": "d", "host": "h", "user": "crm", "password": "a?b", "sslmode": "require"},
        ),
        ("postgresql://crm:%40%2F%23@h/d", {"dbname": "d", "host": "h", "user": "crm", "password": "@/#"}),
    ],
)
def test_the_driver_is_told_what_libpq_reads_in_the_url(url: str, told: dict[str, str]) -> None:
    found = conninfo_to_dict(location_of(url).conninfo)
    assert {name: value for name, value in found.items() if name not in _ADDED} == told


_ADDED = {"fallback_application_name", "connect_timeout", "keepalives_idle", "tcp_user_timeout", "client_encoding"}


def test_several_hosts_select_the_writable_one() -> None:
    told = conninfo_to_dict(location_of("postgresql://one:5432,two:5433/people").conninfo)
    assert (told["host"], told["port"], told["target_session_attrs"]) == ("one,two", "5432,5433", "read-write")
    told = conninfo_to_dict(location_of("postgresql://one,two/people?target_session_attrs=any").conninfo)
    assert told["target_session_attrs"] == "any"


@pytest.mark.rule("Y3")
@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("postgresql://one/d", 10),
        ("postgresql://one/d?timeout=1", 1),
        ("postgresql://one,two/d", 10),
        ("postgresql://one,two/d?timeout=1", 2 * 3 + 1),
        ("postgresql://one,two,three,four/d", 4 * 3 + 1),
        ("postgresql:///d?host=one,two&connect_timeout=20", 2 * 20 + 1),
    ],
)
def test_a_call_that_needs_a_connection_waits_until_each_host_was_tried(url: str, seconds: int) -> None:
    assert location_of(url).longest_connecting == seconds


@pytest.mark.parametrize(
    "url",
    [
        "postgres://h/d",
        "postgresql://h/d?connect_timeout=soon",
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
        "postgresql://h:port/d",
        "postgresql://h:65536/d",
        "postgresql:/h/d",
        "postgresql:h/d",
    ],
)
def test_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a PostgreSQL URL is"):
        location_of(url)


@pytest.mark.rule("Y4")
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@h/d?hunter2",
        "postgresql://ann:hunter2@h/d?pool_max=hunter2",
        "postgresql://ann:hunter2@h/d?timeout=0",
        "postgresql://ann:hunter2@h/d#f",
        "postgresql://ann:hunter2@h:port/d",
        "postgresql://ann:hunter2/x@h/d",
        "postgresql://ann:1/hunter2@h/d",
        "postgresql://ann:1@hunter2@h/d",
        "postgresql://ann:1?hunter2/@h/d",
        "postgresql://ann:hunter2%zz@h/d",
    ],
)
def test_a_url_that_is_refused_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="a PostgreSQL URL is") as refusal:
        location_of(url)
    assert "hunter2" not in f"{refusal.value} {refusal.value.__cause__} {refusal.value.__context__}"


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(location_of("postgresql://ann:hunter2@h/d"))


@pytest.mark.rule("Y3")
def test_a_unit_begins_with_all_its_settings_at_once() -> None:
    location = location_of("postgresql://h/d?timeout=7&isolation=serializable")
    assert begin_of(location)[0] == "BEGIN ISOLATION LEVEL SERIALIZABLE"
    for _, settings in (begin_of(location), begin_read_of(location)):
        assert "('lock_timeout', '7s', true)" in settings
        assert "('statement_timeout', '7s', true)" in settings
    assert "statement_timeout" not in "".join(begin_check_of(location))
