"""Descriptors: each capability declares once what it adds to usercore, in its ``capability.py``."""

from usercore.kernel.changes import ChangeKind
from usercore.kernel.personal import Rows
from usercore.kernel.values import frozen


@frozen(kw_only=True)
class Capability:
    """What one capability adds. Registries and reference pages are generated from it.

    ``unit`` is the part of a unit that a storage implements, or None if nothing is stored; ``rows`` declare what is
    stored; ``policies`` are the classes that hold its settings; ``public`` are the names that ``usercore`` exports for
    it.
    """

    name: str
    unit: type | None = None
    kinds: tuple[ChangeKind, ...] = ()
    rows: tuple[Rows, ...] = ()
    policies: tuple[type, ...] = ()
    public: tuple[str, ...] = ()
