"""The worker's side of the control channel: one named socket, one control connection, adoption by epoch.

A worker outlives the control process: when the connection ends it carries on for ``orphan_s`` seconds, and a `Hello`
whose epoch is not lower than the last one takes it over. Only one worker can own a socket path (flock).
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from typing import Literal

import structlog

from media.errors import LocalError
from media.worker.control import (
    AnyCommand,
    AnyMessage,
    Command,
    ControlError,
    ErrorCode,
    Event,
    FrameDecoder,
    Hello,
    HelloReply,
    LegState,
    Message,
    Reply,
    Value,
    WorkerError,
    encode,
)
from media.worker.reactor import Reactor

ORPHAN_S = 30.0
_MAX_UNSENT = 16 * 1024 * 1024
_MAX_CONNECTIONS = 8

log = structlog.get_logger("media.worker")

Answer = Callable[[Value | WorkerError], None]
Handler = Callable[[AnyCommand, Answer], None]


class Refused(Exception):
    """A command cannot be done; becomes the error of its reply."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = WorkerError(code, message)


class ControlServer:
    """Listens at ``path`` and hands commands to ``handle(command, answer)``, which answers once, now or later.

    ``held`` lists what the worker holds, for the reply to Hello, and ``http_port`` is told there too. ``clock`` is
    monotonic seconds.
    """

    def __init__(
        self,
        path: str,
        *,
        kind: Literal["relay", "stream", "source"],
        name: str,
        reactor: Reactor,
        handle: Handler,
        held: Callable[[], list[LegState]],
        clock: Callable[[], float],
        orphan_s: float = ORPHAN_S,
    ) -> None:
        self._path = path
        self._kind: Literal["relay", "stream", "source"] = kind
        self._name = name
        self._reactor = reactor
        self._handle = handle
        self._held = held
        self._clock = clock
        self._orphan_s = orphan_s
        self.http_port = 0
        self._epoch = -1
        self._orphan_since = clock()
        self._current: _Connection | None = None
        self._connections: set[_Connection] = set()
        self._lock = _take_lock(path)
        try:
            self._listener = _listen(path)
        except OSError:
            os.close(self._lock)
            raise
        reactor.add_reader(self._listener.fileno(), self._accept)

    @property
    def adopted(self) -> bool:
        """Whether a control process is connected."""
        return self._current is not None

    def orphaned(self) -> bool:
        """Whether the worker has been without control process for too long."""
        return self._current is None and self._clock() - self._orphan_since >= self._orphan_s

    def emit(self, event: Event) -> None:
        """Tell the control process; without one the event is lost (its state is in the reply to Hello)."""
        if self._current is not None:
            self._current.send(event)

    def close(self) -> None:
        """Close the socket and its connections and give the path free."""
        for connection in list(self._connections):
            connection.close()
        self._reactor.remove_reader(self._listener.fileno())
        self._listener.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass
        os.close(self._lock)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        if len(self._connections) >= _MAX_CONNECTIONS:
            sock.close()
            return
        sock.setblocking(False)
        self._connections.add(_Connection(sock, self._reactor, self._received, self._closed))

    def _closed(self, connection: _Connection, reason: str) -> None:
        self._connections.discard(connection)
        if connection is self._current:
            self._current = None
            self._orphan_since = self._clock()
            log.info("control connection closed", worker=self._name, reason=reason)

    def _received(self, connection: _Connection, message: AnyMessage) -> None:
        if not isinstance(message, Command):
            connection.close("not a command")
        elif isinstance(message, Hello):
            self._adopt(connection, message)
        elif connection is not self._current:
            connection.send(_reply(message.seq, WorkerError("bad_request", "Hello comes first")))
        else:
            self._run(connection, message)

    def _adopt(self, connection: _Connection, hello: Hello) -> None:
        if hello.epoch < self._epoch:
            error = WorkerError("stale_epoch", f"epoch {hello.epoch} is older than {self._epoch}")
            connection.send(_reply(hello.seq, error))
            connection.close("stale epoch")
            return
        previous, self._current = self._current, connection
        if previous is not None and previous is not connection:
            previous.close("taken over")
        self._epoch = hello.epoch
        log.info("adopted", worker=self._name, epoch=hello.epoch, by=hello.name)
        value = HelloReply(
            kind=self._kind,
            pid=os.getpid(),
            name=self._name,
            epoch=hello.epoch,
            legs=self._held(),
            http_port=self.http_port,
        )
        connection.send(_reply(hello.seq, value))

    def _run(self, connection: _Connection, command: AnyCommand) -> None:
        def answer(value: Value | WorkerError) -> None:
            connection.send(_reply(command.seq, value))

        try:
            self._handle(command, answer)
        except Refused as refusal:
            answer(refusal.error)
        except Exception:
            # The boundary at which a fault of ours costs one command and not the worker.
            log.exception("command failed", worker=self._name, command=type(command).__name__)
            answer(WorkerError("bad_request", "the worker failed at this command; see its log"))


def _reply(seq: int, value: Value | WorkerError) -> Reply:
    if isinstance(value, WorkerError):
        return Reply(seq=seq, ok=False, error=value)
    return Reply(seq=seq, ok=True, value=value)


def _take_lock(path: str) -> int:
    """Own ``path`` by a lock file beside it. Raises LocalError when another worker does."""
    lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise LocalError(f"another worker owns {path}") from error
    return lock


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(4)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


class _Connection:
    """One connection of the control socket: framing in, bounded buffer out."""

    def __init__(
        self,
        sock: socket.socket,
        reactor: Reactor,
        received: Callable[[_Connection, AnyMessage], None],
        closed: Callable[[_Connection, str], None],
    ) -> None:
        self._sock = sock
        self._reactor = reactor
        self._received = received
        self._on_closed = closed
        self._decoder = FrameDecoder()
        self._unsent = bytearray()
        self._open = True
        reactor.add_reader(sock.fileno(), self._read)

    def send(self, message: Message) -> None:
        """Send a message as far as the socket takes it, keep the rest. A reader that takes nothing is cut off."""
        if not self._open:
            return
        self._unsent += encode(message)
        self._write()
        if len(self._unsent) > _MAX_UNSENT:
            self.close("the control process does not read")

    def close(self, reason: str = "closed") -> None:
        """Close; safe to call twice."""
        if not self._open:
            return
        self._open = False
        self._reactor.remove_reader(self._sock.fileno())
        self._reactor.remove_writer(self._sock.fileno())
        self._sock.close()
        self._on_closed(self, reason)

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
            messages = self._decoder.feed(data)
        except BlockingIOError:
            return
        except (OSError, ControlError) as error:
            self.close(str(error))
            return
        if not data:
            self.close("the control process closed it")
        for message in messages:
            if self._open:
                self._received(self, message)

    def _write(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except BlockingIOError:
            self._reactor.add_writer(self._sock.fileno(), self._write)
            return
        except OSError as error:
            self.close(str(error))
            return
        self._reactor.remove_writer(self._sock.fileno())
