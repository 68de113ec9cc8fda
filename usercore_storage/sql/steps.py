"""The steps of an engine's schema: files ``0001.sql``, ``0002.sql``, ... in a folder beside its migrations."""

from pathlib import Path


def steps_beside(module: str) -> tuple[str, ...]:
    """Return the names of the steps in the folder beside this module file, in order."""
    return tuple(sorted(step.name for step in (Path(module).parent / "steps").glob("*.sql")))
