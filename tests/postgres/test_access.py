"""Whether the connection to a store is encrypted, as far as its URL and the environment tell."""

import pytest

from usercore_storage import access


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql:///people", None),
        ("postgresql://localhost/people", None),
        ("postgresql://127.0.0.1:5432/people", None),
        ("postgresql:///people?host=/run/postgresql", None),
        ("postgresql://db.example.com/people", "prefer"),
        ("postgresql://db.example.com/people?sslmode=disable", "disable"),
        ("postgresql://db.example.com/people?sslmode=verify-full&timeout=5", "verify-full"),
        ("postgresql://localhost,db.example.com/people?sslmode=require", "require"),
        ("postgresql:///people?hostaddr=192.0.2.7", "prefer"),
    ],
)
def test_the_mode_of_tls_is_known_unless_all_hosts_are_this_machine(
    url: str, mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGSSLMODE", "PGHOST", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    assert access(url).tls_mode == mode


def test_variables_of_libpq_count_where_the_url_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    monkeypatch.setenv("PGSSLMODE", "require")
    assert access("postgresql:///people").tls_mode == "require"
    assert access("postgresql:///people?sslmode=disable").tls_mode == "disable"


def test_a_url_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        access("postgresql://host/people?no_such_option=1")
