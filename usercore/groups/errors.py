"""Errors of managing groups and their members."""

from typing import ClassVar

import attrs

from usercore.kernel.errors import Conflict, NotFound, StaleVersion, Taken


class GroupNotFound(NotFound):
    """There is no such group in this tenant."""

    code: ClassVar[str] = "groups.not_found"


class GroupNotEmpty(Conflict):
    """The group has members; only ``force`` deletes it."""

    code: ClassVar[str] = "groups.not_empty"


@attrs.frozen
class GroupTaken(Taken):
    """Another group of the tenant has this name, ignoring case."""

    code: ClassVar[str] = "groups.taken"


@attrs.frozen
class GroupStaleVersion(StaleVersion):
    """The group was changed since the version that the caller read."""

    code: ClassVar[str] = "groups.stale_version"
