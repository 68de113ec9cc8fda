"""Run the contract against a server, in a schema that is removed in any case."""

from typing import Final

import pytest

from scripts.postgres_server import Server
from usercore import ReadOnly
from usercore_storage import verify

SILENT: Final = """
CREATE FUNCTION break_meta() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE made record; BEGIN
  FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%%.usercore_meta'
  LOOP EXECUTE 'CREATE RULE silent AS ON INSERT TO ' || made.object_identity || ' DO INSTEAD NOTHING'; END LOOP; END $$;
CREATE EVENT TRIGGER break_meta ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION break_meta()
"""
"""A server that acknowledges values of users, and does not store them."""


def schemas_in(server: Server, database: str) -> set[str]:
    return {name for (name,) in server.ask("SELECT nspname FROM pg_namespace", database=database)}


@pytest.mark.thorough
@pytest.mark.slow
def test_a_server_that_breaks_a_promise_is_reported_and_its_schema_removed(server: Server, database: str) -> None:
    before = schemas_in(server, database)
    passed = verify(server.url(database), only="meta")
    server.ask(SILENT, database=database)
    broken = verify(server.url(database), only="meta")
    assert passed.is_passed
    assert broken.failed
    assert all("Meta" in case for case in broken.failed)
    assert broken.failed[0].partition(".")[2] in broken.output
    assert schemas_in(server, database) == before


@pytest.mark.rule("ERR")
def test_a_server_that_cannot_be_written_is_refused(server: Server, database: str) -> None:
    before = schemas_in(server, database)
    server.ask(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(ReadOnly):
        verify(server.url(database))
    assert schemas_in(server, database) == before


def test_a_url_with_options_of_the_session_is_refused(server: Server, database: str) -> None:
    with pytest.raises(ValueError, match="options="):
        verify(f"{server.url(database)}?options=-c%20work_mem%3D1MB")
