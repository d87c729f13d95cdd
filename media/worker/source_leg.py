"""A receiving leg of the relay: its stream, its sockets, and what the control process sees of it."""

from __future__ import annotations

from media.worker.context import LegContext
from media.worker.control import LegState, LegStats, Opened, OpenSource, UpdateSource
from media.worker.source import SourceStream
from media.worker.tcp_intake import TcpIntake
from media.worker.udp_intake import UdpIntake


class SourceLeg:
    """One source. Raises `media.worker.ports.PortError` when its port cannot be bound."""

    def __init__(self, command: OpenSource, context: LegContext) -> None:
        self.command = command
        self.sinks: list[str] = []
        self._context = context
        self.stream = SourceStream(
            command.leg,
            ssrc=command.ssrc,
            accept_from=command.accept_from,
            any_ssrc=command.any_ssrc,
            emit=context.emit,
            budget=context.budget,
            now=context.clock(),
            gop_cache=command.gop_cache,
            gop_limit=context.gop_limit,
            behind=context.behind,
        )
        self._intake: UdpIntake | TcpIntake
        if command.transport == "udp":
            self._intake = UdpIntake(context, self.stream, command.bind, command.port, command.ports)
        else:
            self._intake = TcpIntake(context, self.stream, command.transport, command.bind, command.port, command.ports)

    @property
    def opened(self) -> Opened:
        """The local ports."""
        return self._intake.opened

    def update(self, command: UpdateSource) -> None:
        """Apply what the answer said: connect, take early connections, file early packets of the sender accepted."""
        udp = isinstance(self._intake, UdpIntake)
        early = self.stream.update(
            command.ssrc,
            command.accept_from,
            self._context.clock(),
            # The port a TCP connection comes from is never the one of the answer.
            expect_port=command.expect_port if udp else None,
            any_ssrc=command.any_ssrc,
        )
        for packet, remote in early:
            self._context.arrive(self.stream, packet, remote)
        if isinstance(self._intake, TcpIntake):
            self._intake.answered(command.remote)

    def check(self, now: float) -> None:
        """Timers: silence, reports, connecting."""
        self.stream.check(now)
        self._intake.check(now)

    def close(self) -> None:
        """Close the sockets and free the cache."""
        self._intake.close()
        self.stream.gops.clear()

    def state(self) -> LegState:
        """For a control process that adopts the worker."""
        lock = self.stream.lock
        return LegState(
            leg=self.command.leg,
            kind="source",
            transport=self.command.transport,
            bind=self.command.bind,
            port=self.opened.port,
            rtcp_port=self.opened.rtcp_port,
            ssrc=lock.ssrc if lock.ssrc is not None else lock.expected_ssrc,
            started=self.stream.first_packet_at is not None,
            remote=lock.remote,
        )

    def stats(self) -> LegStats:
        """The counters."""
        stream, numbers, unix = self.stream, self.stream.numbers, self._context.unix
        return LegStats(
            leg=self.command.leg,
            kind="source",
            transport=self.command.transport,
            packets=stream.packets,
            bytes=stream.bytes,
            lost=numbers.lost,
            reordered=numbers.reordered,
            restarts=numbers.restarts,
            foreign=stream.lock.foreign,
            other_ssrc=stream.lock.other_ssrc,
            not_rtp=stream.not_rtp,
            dropped=numbers.duplicates,
            cached=stream.gops.size,
            first_packet_at=unix(stream.first_packet_at),
            first_key_at=unix(stream.first_key_at),
            last_packet_at=unix(stream.last_packet_at),
            ssrc=stream.lock.ssrc,
            payload_type=stream.payload_type,
            remote=stream.lock.remote,
            state="receiving" if stream.first_packet_at is not None else "open",
        )
