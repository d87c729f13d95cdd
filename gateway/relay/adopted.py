"""A worker process that an earlier control process started: not our child, and yet it can be waited for and ended.

Which process serves a worker's socket is asked of the kernel (``SO_PEERCRED``), and it is held by a pidfd, so that a
number that was given to another process meanwhile never has that one killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import struct
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")
"""``struct ucred``: pid, uid, gid."""


class AdoptedProcess:
    """The process behind a worker's socket, as long as `close` was not called."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd

    @classmethod
    def at(cls, socket_path: Path, module: str) -> AdoptedProcess | None:
        """Who serves the socket; None when that is nobody, somebody else's process, or none that runs `module`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(str(socket_path))
                pid, uid, _ = _CREDENTIALS.unpack(
                    probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
                )
                if uid != os.geteuid() or not _runs(pid, module):
                    return None
                found = cls(pid, os.pidfd_open(pid))
            except OSError:
                return None
            # Its end of the probe stands, so it lives: the pidfd was opened for it and not for a successor in number.
            if _stands(probe):
                return found
        found.close()
        return None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ended = select.poll()
        ended.register(self._pidfd, select.POLLIN)
        return bool(ended.poll(0))

    def kill(self) -> None:
        """SIGKILL; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait(self) -> None:
        """Until it has ended."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def close(self) -> None:
        """Let go of it; it runs on."""
        os.close(self._pidfd)


def _runs(pid: int, module: str) -> bool:
    """Whether a process was started as `python -m module`."""
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return module.encode() in arguments


def _stands(probe: socket.socket) -> bool:
    """Whether the other end of a connection that says nothing is there."""
    try:
        return bool(probe.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False
