"""The data directory: whose it is, who may read it, how much room there is and how long a commit takes."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import statistics
import time
from contextlib import suppress
from pathlib import Path

from gateway.operations.checks.finding import Finding, ok, problem, warning
from gateway.operations.occupancy import UNFINISHED_FILE
from gateway.relay.run_directory import LONGEST_NAME, NOTE, SOCKET_PATH_BYTES

KEY = "node.data_dir"
LOW_BYTES, FULL_BYTES = 2 << 30, 200 << 20
SLOW_COMMIT_S, FAST_COMMIT_S = 0.025, 0.005
SLOW_WRITE = 20e6
"""Bytes a second below which writing is called slow."""
_PROBE_BYTES = 8 << 20
_PROBE_COMMITS = 15


def check_storage(data_dir: Path) -> list[Finding]:
    """Everything about the data directory; where it is not made yet, about where it will be."""
    if not data_dir.exists():
        above = next(parent for parent in data_dir.absolute().parents if parent.exists())
        if not os.access(above, os.W_OK):
            change = f"make it for the account of the node: install -d -m 700 -o ACCOUNT {data_dir}"
            return [problem(KEY, f"{data_dir} is not there, and this account cannot make it in {above}", change)]
        return [ok(KEY, f"{data_dir} will be made at the first start"), *_room(above), _socket_path(data_dir)]
    found = [*_owner(data_dir), *_private(data_dir), *_room(data_dir), _socket_path(data_dir)]
    if (data_dir / UNFINISHED_FILE).exists():
        found.append(problem(KEY, "a restore was broken off half way", "do it again: gbgateway restore --replace"))
    return [*found, *_speed(data_dir)]


def _owner(data_dir: Path) -> list[Finding]:
    owner, here = data_dir.stat().st_uid, os.geteuid()
    if here not in (owner, 0):
        change = f"run this as that account (sudo -u {_name(owner)}), which the node has to run as too"
        return [problem(KEY, f"{data_dir} belongs to {_name(owner)}, this is {_name(here)}", change)]
    foreign = [path for path in data_dir.iterdir() if path.lstat().st_uid != owner]
    if foreign:
        change = f"chown -R {_name(owner)} {data_dir}"
        return [problem(KEY, f"{foreign[0]} does not belong to {_name(owner)}, as the directory does", change)]
    return [ok(KEY, f"{data_dir} belongs to {_name(owner)}")]


def _private(data_dir: Path) -> list[Finding]:
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    found = []
    if mode & 0o077:
        found.append(warning(KEY, f"{data_dir} is open to others (mode {mode:04o})", f"chmod 700 {data_dir}"))
    for path in sorted(data_dir.glob("*.key")):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            found.append(problem(KEY, f"{path} is open to others: a node does not start with it", f"chmod 600 {path}"))
    return found or [ok(KEY, "for its owner alone")]


def _room(place: Path) -> list[Finding]:
    usage = shutil.disk_usage(place)
    text = f"{usage.free / (1 << 30):.1f} of {usage.total / (1 << 30):.1f} GB free at {place}"
    if usage.free < FULL_BYTES:
        return [problem("disk space", text, "make room: without it the ledger refuses entries, and so every picture")]
    if usage.free < LOW_BYTES:
        return [warning("disk space", text, "make room, or move node.data_dir to a larger disk")]
    return [ok("disk space", text)]


def _socket_path(data_dir: Path) -> Finding:
    plain = data_dir.absolute() / "run"
    size = len(os.fsencode(plain / LONGEST_NAME))
    if size <= SOCKET_PATH_BYTES:
        return ok("worker sockets", f"in {plain} ({size} of at most {SOCKET_PATH_BYTES} bytes)")
    with suppress(OSError, UnicodeDecodeError):
        return ok("worker sockets", f"in {(data_dir / NOTE).read_text().strip()}: {plain} is too long")
    change = "choose a shorter node.data_dir, to have them where everything else is"
    return warning("worker sockets", f"{plain} is too long for them: they will be in a private directory", change)


def _speed(data_dir: Path) -> list[Finding]:
    """Write a file and commit small pieces to it, as the ledger does."""
    path = data_dir / f".self-check-{os.getpid()}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            return speed_of(*_measured(descriptor))
        finally:
            os.close(descriptor)
            path.unlink()
    except OSError as error:
        change = "give the account of the node the right and the room to write there"
        return [problem("disk speed", f"{data_dir} cannot be written: {error.strerror}", change)]


def _measured(descriptor: int) -> tuple[float, float]:
    """Seconds a small commit takes (median), and bytes a second."""
    commits = []
    for _ in range(_PROBE_COMMITS):
        began = time.perf_counter()
        os.write(descriptor, b"\0" * 4096)
        os.fdatasync(descriptor)
        commits.append(time.perf_counter() - began)
    began = time.perf_counter()
    os.write(descriptor, os.urandom(_PROBE_BYTES))
    os.fdatasync(descriptor)
    return statistics.median(commits), _PROBE_BYTES / (time.perf_counter() - began)


def speed_of(commit_s: float, bytes_per_s: float) -> list[Finding]:
    """The class of a disk: how long a ledger entry waits, and how fast it writes."""
    text = f"a commit takes {commit_s * 1000:.1f} ms, {bytes_per_s / 1e6:.0f} MB/s are written"
    if commit_s > SLOW_COMMIT_S or bytes_per_s < SLOW_WRITE:
        change = "put node.data_dir on a solid-state disk: every view waits for its entry in the ledger"
        return [warning("disk speed", f"slow: {text}", change)]
    return [ok("disk speed", f"{'fast' if commit_s <= FAST_COMMIT_S else 'good enough'}: {text}")]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
