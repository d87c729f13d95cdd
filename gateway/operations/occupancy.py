"""One process at a time works on a data directory: a running node, or a restore.

The kernel keeps the lock (flock) and drops it when its holder ends, however that ends; the file it is on is never
removed and means nothing by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError

LOCK_FILE = "node.lock"
UNFINISHED_FILE = "restore-unfinished"
"""There while a restore replaces the files of a data directory: nothing may run on half of them."""


class Occupied(GatewayError):
    """Another process works on the data directory; ``pid`` is its process id (0: it did not say)."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        self.data_dir, self.pid = data_dir, pid
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{data_dir} is in use by {who}: a node runs on it, or a restore")


class Unfinished(GatewayError):
    """A restore was broken off while it replaced the files of the data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"a restore of {data_dir} was broken off half way: do it again with gbgateway restore --replace"
        )


@contextlib.contextmanager
def occupied(data_dir: Path, *, unfinished: bool = False) -> Iterator[None]:
    """Have the data directory, which is made (mode 0700), for oneself while the block lasts.

    Raises :class:`Occupied`; :class:`Unfinished` after a broken-off restore, unless ``unfinished`` says that this is
    the restore which mends it.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            raise Occupied(data_dir, _holder(descriptor))
        if (data_dir / UNFINISHED_FILE).exists() and not unfinished:
            raise Unfinished(data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def occupant(data_dir: Path) -> int | None:
    """The process id of who works on the data directory (0: it did not say); None when nobody does. Raises OSError."""
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(descriptor) else _holder(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0
