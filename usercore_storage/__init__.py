"""Storages for usercore: in memory, and one set of SQL for several engines; what is done with a store by its URL."""

from usercore_storage.access import access
from usercore_storage.backups import backup
from usercore_storage.check_report import Finding, FindingKind, Report
from usercore_storage.checking import check
from usercore_storage.copies.model import CopyProgress, CopyReport, CopyStep
from usercore_storage.copying import copy, reopen
from usercore_storage.repair_report import Repair, RepairKind, RepairReport
from usercore_storage.repairing import repair
from usercore_storage.spreading import SpreadReport, spread
from usercore_storage.verifying import VerifyReport, verify

__all__ = [
    "CopyProgress",
    "CopyReport",
    "CopyStep",
    "Finding",
    "FindingKind",
    "Repair",
    "RepairKind",
    "RepairReport",
    "Report",
    "SpreadReport",
    "VerifyReport",
    "access",
    "backup",
    "check",
    "copy",
    "reopen",
    "repair",
    "spread",
    "verify",
]
