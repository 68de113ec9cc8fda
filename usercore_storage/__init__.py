"""Storages for usercore: in memory, and one set of SQL for several engines. Opened by URL, checked and copied by it."""

from usercore_storage.backups import backup
from usercore_storage.checking import check
from usercore_storage.findings import Finding, FindingKind, Report

__all__ = ["Finding", "FindingKind", "Report", "backup", "check"]
