"""Readiness callbacks for file descriptors: what a worker's sockets need from the loop they live in.

`MediaLoop` is the relay's loop: one selector, one thread, callbacks run between two rounds. An asyncio event loop
offers the same four methods, so the control server works in both.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import Protocol

import structlog

Callback = Callable[[], None]

log = structlog.get_logger("media.worker")


class Reactor(Protocol):
    """The part of an event loop that sockets register with."""

    def add_reader(self, fd: int, callback: Callback, /) -> None:
        """Call ``callback`` whenever ``fd`` can be read."""

    def remove_reader(self, fd: int, /) -> bool:
        """Stop it; False when nothing was registered."""
        ...

    def add_writer(self, fd: int, callback: Callback, /) -> None:
        """Call ``callback`` whenever ``fd`` can be written."""

    def remove_writer(self, fd: int, /) -> bool:
        """Stop it; False when nothing was registered."""
        ...


class MediaLoop:
    """A level-triggered selector with callbacks and a way to wake it from another thread or a signal."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._callbacks: dict[int, list[Callback | None]] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self.add_reader(self._wake_in.fileno(), self._woken)

    def add_reader(self, fd: int, callback: Callback, /) -> None:
        """See `Reactor`."""
        self._set(fd, 0, callback)

    def remove_reader(self, fd: int, /) -> bool:
        """See `Reactor`."""
        return self._set(fd, 0, None)

    def add_writer(self, fd: int, callback: Callback, /) -> None:
        """See `Reactor`."""
        self._set(fd, 1, callback)

    def remove_writer(self, fd: int, /) -> bool:
        """See `Reactor`."""
        return self._set(fd, 1, None)

    def wait(self, timeout_s: float) -> bool:
        """Wait until a descriptor is ready or ``timeout_s`` is over; whether one is."""
        return bool(self._selector.select(timeout_s))

    def run_ready(self) -> int:
        """Run the callbacks of everything that is ready now; how many ran."""
        count = 0
        for key, mask in self._selector.select(0):
            for which, flag in ((0, selectors.EVENT_READ), (1, selectors.EVENT_WRITE)):
                # Looked up anew each time: an earlier callback may have closed this descriptor.
                callback = self._callbacks.get(key.fd, _NONE)[which]
                if mask & flag and callback is not None:
                    self._call(key.fd, which, callback)
                    count += 1
        return count

    def _call(self, fd: int, which: int, callback: Callback) -> None:
        """One callback, and the boundary at which a fault of ours costs one descriptor and not the whole worker."""
        try:
            callback()
        except Exception:
            log.exception("callback failed; its descriptor is no longer served", fd=fd)
            self._set(fd, which, None)

    def wake(self) -> None:
        """Make `wait` return; safe from other threads and from signal handlers."""
        try:
            self._wake_out.send(b"\0")
        except OSError:
            pass  # full: it will wake anyway; closed: nothing to wake

    def close(self) -> None:
        """Release the selector; registered sockets belong to their owners."""
        self._selector.close()
        self._callbacks.clear()
        self._wake_in.close()
        self._wake_out.close()

    def _woken(self) -> None:
        try:
            self._wake_in.recv(4096)
        except BlockingIOError:
            pass

    def _set(self, fd: int, which: int, callback: Callback | None) -> bool:
        known = self._callbacks.get(fd)
        if known is None:
            if callback is None:
                return False
            known = self._callbacks[fd] = [None, None]
        had = known[which] is not None
        before = _mask(known)
        known[which] = callback
        after = _mask(known)
        if not after:
            del self._callbacks[fd]
            self._selector.unregister(fd)
        elif not before:
            self._selector.register(fd, after)
        elif after != before:
            self._selector.modify(fd, after)
        return had


_NONE: list[Callback | None] = [None, None]


def _mask(callbacks: list[Callback | None]) -> int:
    return (selectors.EVENT_READ if callbacks[0] else 0) | (selectors.EVENT_WRITE if callbacks[1] else 0)
