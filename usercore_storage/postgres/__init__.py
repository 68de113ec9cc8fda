"""PostgreSQL: units in parallel, at READ COMMITTED unless the URL says otherwise. Needs the extra ``postgres``."""

from importlib.util import find_spec

if not (find_spec("psycopg") and find_spec("psycopg_pool")):
    msg = "a postgresql:// store needs psycopg and its pool: pip install '.[postgres]' from a checkout of usercore"
    raise ImportError(msg)

from usercore_storage.postgres.storage import PostgresStorage, open_storage

__all__ = ["PostgresStorage", "open_storage"]
