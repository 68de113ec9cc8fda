"""The steps of an engine's schema: the files ``0001.sql``, ``0002.sql``, ... in a folder beside its migrations."""

from pathlib import Path


def steps_beside(module: str) -> tuple[str, ...]:
    """Return the names of the steps beside the module with this file, in their order."""
    return tuple(sorted(step.name for step in (Path(module).parent / "steps").glob("*.sql")))
