"""Where the worker sockets of a node are: below its data directory, or in a short private directory instead.

The kernel takes no more than 107 bytes for the path of a unix socket. Where ``data_dir/run`` would make it longer, a
directory of mode 0700 in ``XDG_RUNTIME_DIR`` or in the directory for temporary files takes its place. Its name follows
from ``data_dir``, and it is noted there, so that the next control process finds the workers whatever its environment.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError

SOCKET_PATH_BYTES = 107
LONGEST_NAME = "stream-256.sock"
NOTE = "run-directory"


class NoRunDirectory(GatewayError):
    """There is no place whose path is short enough for the sockets of the workers."""


def run_directory(data_dir: Path) -> Path:
    """The directory for worker sockets, made if need be. Raises NoRunDirectory, OSError."""
    # The whole path decides, so that a start from another working directory comes to the same.
    plain = data_dir.absolute() / "run"
    if _fits(plain):
        plain.mkdir(parents=True, exist_ok=True, mode=0o700)
        return plain
    note, tried = data_dir / NOTE, []
    for place in _places(data_dir, note):
        if _fits(place) and _is_private(place):
            note.write_text(f"{place}\n")
            return place
        tried.append(str(place))
    raise NoRunDirectory(
        f"node.data_dir is too long for worker sockets ({len(os.fsencode(plain / LONGEST_NAME))} bytes, at most "
        f"{SOCKET_PATH_BYTES}), and none of {', '.join(tried)} can take its place: choose a shorter node.data_dir, or "
        "set XDG_RUNTIME_DIR to a short directory of your own"
    )


def _places(data_dir: Path, note: Path) -> Iterator[Path]:
    """The place noted by an earlier start, then those of this environment."""
    try:
        yield Path(note.read_text().strip())
    except (OSError, UnicodeDecodeError):
        pass
    name = f"gbgateway-{hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]}"
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if base:
            yield Path(base) / name


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / LONGEST_NAME)) <= SOCKET_PATH_BYTES


def _is_private(directory: Path) -> bool:
    """Make the directory, or see that it is ours alone: others can write to where temporary files are."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
