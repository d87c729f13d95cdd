"""A sending leg of the relay: its packet stream, its sockets, and what the control process sees of it."""

from __future__ import annotations

import random
import socket
from functools import partial

from media.worker.context import LegContext
from media.worker.control import (
    Address,
    ConnectFailed,
    LegState,
    LegStats,
    Opened,
    OpenSink,
    SendFailed,
    SinkOverflow,
    StartSink,
    TcpClosed,
    TcpConnected,
)
from media.worker.early_connections import EarlyConnections
from media.worker.outlets import TcpOutlet, UdpOutlet
from media.worker.reports import SenderReports
from media.worker.sink import SinkStream
from media.worker.source import SourceStream
from media.worker.tcp import Connector, Listener

OVERFLOW_TOLD_S = 1.0
NOTHING_SENT_S = 2.0
"""How long the kernel may refuse every datagram of a leg before that is told."""
REPLACEMENT_S = 20.0
"""How long a tcp_passive sink waits for its connection, the first or one in place of a broken one."""


class SinkLeg:
    """What both transports share. ``source`` feeds it from `start` on."""

    def __init__(self, command: OpenSink, context: LegContext, source: SourceStream, outlet: UdpOutlet | TcpOutlet):
        self.command = command
        self.opened = Opened(port=0)
        self.started: StartSink | None = None
        self.remote: Address | None = None
        self._context = context
        self._source = source
        self._outlet = outlet
        first = command.first_sequence if command.first_sequence is not None else random.getrandbits(16)
        self.stream = SinkStream(command.leg, command.ssrc, command.payload_type, first, outlet)
        self._overflow_told_at = float("-inf")
        self._overflow_told = 0

    def start(self, command: StartSink) -> None:
        """Begin to send as soon as the way to the receiver stands."""
        self.started = command

    def refused(self, packet_count: int) -> None:
        """The outlet is full: skip to a key frame."""
        now = self._context.clock()
        self._source.make_wait(self.stream, now)
        if isinstance(self._outlet, TcpOutlet):
            self._outlet.skip(packet_count)

    def flush(self) -> None:
        """Push out what is queued."""

    def check(self, now: float) -> None:
        """Timers: overflow reports, connecting, sender reports."""
        if self._outlet.dropped > self._overflow_told and now - self._overflow_told_at >= OVERFLOW_TOLD_S:
            self._overflow_told_at = now
            self._overflow_told = self._outlet.dropped
            self._context.emit(SinkOverflow(leg=self.command.leg, dropped=self._outlet.dropped))

    def close(self) -> None:
        """Stop sending and give the port back."""
        self._source.detach(self.stream)
        self._context.pool(self.command.ports).release(self.opened.port, self._context.clock())

    def state(self) -> LegState:
        """For a control process that adopts the worker."""
        return LegState(
            leg=self.command.leg,
            kind="sink",
            transport=self.command.transport,
            bind=self.command.bind,
            port=self.opened.port,
            rtcp_port=self.opened.rtcp_port,
            source=self.command.source,
            ssrc=self.command.ssrc,
            started=self.started is not None,
            remote=self.remote,
        )

    def stats(self) -> LegStats:
        """The counters."""
        return LegStats(
            leg=self.command.leg,
            kind="sink",
            transport=self.command.transport,
            packets=self._outlet.packets,
            bytes=self._outlet.bytes,
            dropped=self._outlet.dropped,
            lost=self.stream.skipped,
            queued=self._outlet.queued,
            ssrc=self.command.ssrc,
            payload_type=self.command.payload_type,
            remote=self.remote,
            state=self.stream.state,
            next_sequence=self.stream.next_sequence,
            source=self.command.source,
        )


class UdpSink(SinkLeg):
    """Sends datagrams from an RTP/RTCP pair; what comes back is read and thrown away."""

    def __init__(self, command: OpenSink, context: LegContext, source: SourceStream) -> None:
        self._rtp, self._rtcp = context.pool(command.ports).open_udp(command.bind, context.clock(), command.port)
        self._udp = UdpOutlet(self._rtp)
        super().__init__(command, context, source, self._udp)
        port = int(self._rtp.getsockname()[1])
        self.opened = Opened(port=port, rtcp_port=port + 1)
        self._reports = SenderReports()
        self._refused_since: float | None = None
        self._failure_told = False
        for sock in (self._rtp, self._rtcp):
            context.reactor.add_reader(sock.fileno(), partial(_discard, sock))

    def start(self, command: StartSink) -> None:
        """See `SinkLeg.start`."""
        super().start(command)
        self._udp.remote = self.remote = command.remote
        if command.remote is not None:
            self._source.attach(self.stream, self._context.clock())

    def check(self, now: float) -> None:
        """See `SinkLeg.check`."""
        if self.remote is None:
            return
        if self._udp.dropped and not self._udp.packets:
            self._nothing_sent(self.remote, now)
            return
        super().check(now)
        report = self._reports.due(
            ssrc=self.command.ssrc,
            rtp_timestamp=self.stream.last_timestamp,
            packets=self._udp.packets,
            octets=self._udp.bytes - 12 * self._udp.packets,
            now=now,
            unix_now=now + self._context.unix_offset,
        )
        if report is not None:
            try:
                self._rtcp.sendto(report, (self.remote[0], min(self.remote[1] + 1, 65535)))
            except OSError:
                pass  # the next report follows in 5 s

    def _nothing_sent(self, remote: Address, now: float) -> None:
        if self._refused_since is None:
            self._refused_since = now
        elif not self._failure_told and now - self._refused_since >= NOTHING_SENT_S:
            self._failure_told = True
            self._context.emit(SendFailed(leg=self.command.leg, remote=remote, error=self._udp.error))

    def close(self) -> None:
        """See `SinkLeg.close`."""
        super().close()
        for sock in (self._rtp, self._rtcp):
            self._context.reactor.remove_reader(sock.fileno())
            sock.close()


class TcpSink(SinkLeg):
    """Sends RFC 4571 records over a connection it makes (tcp_active) or accepts (tcp_passive)."""

    def __init__(self, command: OpenSink, context: LegContext, source: SourceStream) -> None:
        passive = command.transport == "tcp_passive"
        sock = context.pool(command.ports).open_tcp(command.bind, context.clock(), command.port, listen=passive)
        self._tcp = TcpOutlet()
        super().__init__(command, context, source, self._tcp)
        self.opened = Opened(port=int(sock.getsockname()[1]))
        self._sock: socket.socket | None = None
        self._early = EarlyConnections()
        self._listener = Listener(context.reactor, sock, self._accepted) if passive else None
        self._reserved = None if passive else sock
        self._connector: Connector | None = None
        self._alone_since: float | None = None
        """Since when a passive leg is without connection; None: it has one, or its lack has been told."""

    def start(self, command: StartSink) -> None:
        """See `SinkLeg.start`."""
        super().start(command)
        if self._reserved is not None and command.remote is not None:
            self._dial(self._reserved, command.remote)
            self._reserved = None
        if self._listener is not None and self._sock is None:
            self._alone_since = self._context.clock()
        for sock, remote in self._early.take():
            self._accepted(sock, remote)

    def _dial(self, sock: socket.socket, remote: Address) -> None:
        self._connector = Connector(
            self._context.reactor,
            sock,
            remote,
            connected=lambda connected: self._connected(connected, remote),
            failed=lambda error: self._failed(remote, error),
            now=self._context.clock(),
        )

    def _failed(self, remote: Address, error: str) -> None:
        leg = self.command.leg
        if self.remote is not None:
            self._context.emit(TcpClosed(leg=leg, reason=f"it could not be connected again: {error}", final=True))
        self._context.emit(ConnectFailed(leg=leg, remote=remote, error=error))

    def _accepted(self, sock: socket.socket, remote: Address) -> None:
        if self.started is None:
            self._early.put(sock, remote)
        elif self._sock is not None or not self._allowed(remote):
            sock.close()
        else:
            self._connected(sock, remote)

    def _allowed(self, remote: Address) -> bool:
        assert self.started is not None
        return not self.started.accept_from or remote[0] in self.started.accept_from

    def _connected(self, sock: socket.socket, remote: Address) -> None:
        self._sock, self.remote = sock, remote
        self._alone_since = None
        self._tcp.connect(sock)
        self._context.reactor.add_reader(sock.fileno(), self._read)
        self._context.emit(TcpConnected(leg=self.command.leg, remote=remote))
        self._source.attach(self.stream, self._context.clock())

    def _read(self) -> None:
        """RTCP over the same connection is not needed; the end of the connection is."""
        assert self._sock is not None
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._disconnected(str(error))
            return
        if not data:
            self._disconnected("closed by the peer")

    def _disconnected(self, reason: str) -> None:
        self._drop_connection()
        self._context.emit(TcpClosed(leg=self.command.leg, reason=reason))
        now = self._context.clock()
        if self._connector is not None:
            self._connector.lost(reason, now)
        else:
            self._alone_since = now

    def _drop_connection(self) -> None:
        self._source.detach(self.stream)
        self._tcp.connect(None)
        if self._sock is not None:
            self._context.reactor.remove_reader(self._sock.fileno())
            self._context.reactor.remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def flush(self) -> None:
        """See `SinkLeg.flush`."""
        if self._sock is None:
            return
        try:
            left = self._tcp.flush()
        except OSError as error:
            self._disconnected(str(error))
            return
        if left:
            self._context.reactor.add_writer(self._sock.fileno(), self.flush)
        else:
            self._context.reactor.remove_writer(self._sock.fileno())

    def check(self, now: float) -> None:
        """See `SinkLeg.check`."""
        super().check(now)
        if self._connector is not None:
            self._connector.check(now)
        if self._alone_since is not None and now - self._alone_since >= REPLACEMENT_S:
            self._alone_since = None
            reason = f"no connection came within {REPLACEMENT_S:.0f} s"
            self._context.emit(TcpClosed(leg=self.command.leg, reason=reason, final=True))

    def close(self) -> None:
        """See `SinkLeg.close`."""
        self._drop_connection()
        self._early.close()
        if self._listener is not None:
            self._listener.close()
        if self._reserved is not None:
            self._reserved.close()
        if self._connector is not None:
            self._connector.close()
        super().close()


def open_sink(command: OpenSink, context: LegContext, source: SourceStream) -> SinkLeg:
    """The leg for a command. Raises `media.worker.ports.PortError`."""
    return (UdpSink if command.transport == "udp" else TcpSink)(command, context, source)


def _discard(sock: socket.socket) -> None:
    for _ in range(16):
        try:
            sock.recv(2048)
        except OSError:
            return
