"""What can happen to the files of a store while it is open."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

Move = Callable[[Path], None]


def delete(path: Path) -> None:
    path.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_name("renamed.db"))


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("renamed"))


def replace_by_a_copy(path: Path) -> None:
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    copy.replace(path)


def replace_by_a_symbolic_link(path: Path) -> None:
    rename(path)
    path.symlink_to("renamed.db")


def add_a_hard_link(path: Path) -> None:
    os.link(path, path.with_name("second.db"))


def remove_the_wal(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def remove_the_shared_memory(path: Path) -> None:
    path.with_name(f"{path.name}-shm").unlink()


def remove_the_wal_and_the_shared_memory(path: Path) -> None:
    remove_the_wal(path)
    remove_the_shared_memory(path)


def delete_all(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()


MOVES: Final[list[Move]] = [
    delete,
    delete_all,
    rename,
    rename_folder,
    replace_by_a_copy,
    replace_by_a_symbolic_link,
    add_a_hard_link,
    remove_the_wal,
    remove_the_shared_memory,
    remove_the_wal_and_the_shared_memory,
]
