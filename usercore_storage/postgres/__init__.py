"""PostgreSQL: units in parallel, SERIALIZABLE unless the URL says otherwise. Needs the extra ``postgres``."""

try:
    import psycopg
    import psycopg_pool
except ImportError as missing:
    msg = "a postgresql:// store needs psycopg and its pool: pip install 'usercore[postgres]'"
    raise ImportError(msg) from missing

from usercore_storage.postgres.storage import PostgresStorage, open_storage

__all__ = ["PostgresStorage", "open_storage"]
