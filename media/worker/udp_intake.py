"""The RTP/RTCP socket pair of a UDP source."""

from __future__ import annotations

from media.worker.context import LegContext
from media.worker.control import Address, Opened, Ports
from media.worker.reports import ReceptionReports
from media.worker.source import SourceStream

MOST_PER_ROUND = 64
"""Datagrams one socket may deliver before the others get their turn."""


class UdpIntake:
    """Reads datagrams into the round and sends receiver reports back."""

    def __init__(
        self, context: LegContext, stream: SourceStream, bind: str, port: int | None, ports: Ports | None = None
    ) -> None:
        self._context = context
        self._stream = stream
        self._pool = context.pool(ports)
        self._rtp, self._rtcp = self._pool.open_udp(bind, context.clock(), port)
        self._port = int(self._rtp.getsockname()[1])
        self._reports = ReceptionReports()
        self._rtcp_remote: Address | None = None
        self.opened = Opened(port=self._port, rtcp_port=self._port + 1)
        context.reactor.add_reader(self._rtp.fileno(), self._read_rtp)
        context.reactor.add_reader(self._rtcp.fileno(), self._read_rtcp)

    def check(self, now: float) -> None:
        """Send the receiver report when it is due: to where RTCP comes from, else to the RTP source's port + 1."""
        remote, ssrc = self._stream.lock.remote, self._stream.lock.ssrc
        if remote is None or ssrc is None:
            return
        report = self._reports.due(self._stream.reception, self._stream.numbers, ssrc, now)
        if report is None:
            return
        learnt = self._rtcp_remote
        to = learnt if learnt is not None and learnt[0] == remote[0] else (remote[0], min(remote[1] + 1, 65535))
        try:
            self._rtcp.sendto(report, to)
        except OSError:
            pass  # a report more or less; the next one follows in 5 s

    def close(self) -> None:
        """Close both sockets and give the ports back."""
        for sock in (self._rtp, self._rtcp):
            self._context.reactor.remove_reader(sock.fileno())
            sock.close()
        self._pool.release(self._port, self._context.clock())

    def _read_rtp(self) -> None:
        slab, arrive, stream = self._context.slab, self._context.arrive, self._stream
        for _ in range(MOST_PER_ROUND):
            try:
                size, address = self._rtp.recvfrom_into(slab.room())
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of something we sent
            arrive(stream, slab.take(size), address if len(address) == 2 else address[:2])

    def _read_rtcp(self) -> None:
        for _ in range(MOST_PER_ROUND):
            try:
                datagram, address = self._rtcp.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            remote = self._stream.lock.remote
            if remote is not None and address[0] == remote[0]:
                self._rtcp_remote = (str(address[0]), int(address[1]))
                self._reports.heard(datagram, self._context.clock())
