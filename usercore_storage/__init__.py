"""Storages for usercore: in memory, and one set of SQL for several engines. Open, check and back up by URL."""

from usercore_storage.access import access
from usercore_storage.backups import backup
from usercore_storage.check_report import Finding, FindingKind, Report
from usercore_storage.checking import check

__all__ = ["Finding", "FindingKind", "Report", "access", "backup", "check"]
