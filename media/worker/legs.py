"""The legs of one relay worker and the commands that change them (control.py says what each means)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import msgspec

from media.worker.context import LegContext
from media.worker.control import (
    Address,
    AnyCommand,
    CloseLeg,
    LegClosed,
    LegState,
    LegStats,
    Opened,
    OpenSink,
    OpenSource,
    Ports,
    StartSink,
    Stats,
    UpdateSource,
    Value,
)
from media.worker.ports import PortError
from media.worker.server import Refused
from media.worker.sink_leg import SinkLeg, open_sink
from media.worker.source_leg import SourceLeg

MOST_LEGS = 8192


class LegTable:
    """Sources and sinks by leg id. Raises `media.worker.server.Refused` for commands that cannot be done."""

    def __init__(self, context: LegContext) -> None:
        self.sources: dict[str, SourceLeg] = {}
        self.sinks: dict[str, SinkLeg] = {}
        self.draining = False
        self._context = context

    def __len__(self) -> int:
        return len(self.sources) + len(self.sinks)

    def run(self, command: AnyCommand) -> Value:
        """Do one command."""
        match command:
            case OpenSource():
                return self._open_source(command)
            case UpdateSource():
                self._update_source(command)
            case OpenSink():
                return self._open_sink(command)
            case StartSink():
                self._start_sink(command)
            case CloseLeg():
                return self._close(command)
            case Stats():
                return self.stats()
            case _:
                raise Refused("bad_request", f"{type(command).__name__} is for another kind of worker")
        return None

    def _all(self) -> Iterator[SourceLeg | SinkLeg]:
        yield from list(self.sources.values())
        yield from list(self.sinks.values())

    def states(self) -> list[LegState]:
        """Everything held, for a new control process."""
        return [leg.state() for leg in self._all()]

    def stats(self) -> list[LegStats]:
        """All counters."""
        return [leg.stats() for leg in self._all()]

    def check(self, now: float) -> None:
        """Timers of all legs."""
        for leg in self._all():
            leg.check(now)

    def close_all(self, reason: str) -> None:
        """Close every leg."""
        for leg in list(self.sources):
            self._close_source(leg, reason)

    # --- commands ---------------------------------------------------------------------------------------------------

    def _open_source(self, command: OpenSource) -> Opened:
        known = self.sources.get(command.leg)
        if known is not None and _same(known.command, command):
            return known.opened
        self._admit(command.leg)
        _check_host(command.bind)
        _check_ports(command.ports)
        _check_hosts(command.accept_from)
        try:
            leg = SourceLeg(command, self._context)
        except PortError as error:
            raise Refused(error.code, str(error)) from error
        self.sources[command.leg] = leg
        return leg.opened

    def _update_source(self, command: UpdateSource) -> None:
        leg = self._source(command.leg)
        _check_hosts(command.accept_from)
        _check_address(command.remote)
        leg.update(command)

    def _open_sink(self, command: OpenSink) -> Opened:
        known = self.sinks.get(command.leg)
        if known is not None and _same(known.command, command):
            return known.opened
        source = self._source(command.source)
        self._admit(command.leg)
        _check_host(command.bind)
        _check_ports(command.ports)
        if not 0 <= command.ssrc <= 0xFFFFFFFF or not 0 <= (command.payload_type or 0) <= 127:
            raise Refused("bad_request", f"ssrc {command.ssrc}, payload type {command.payload_type}")
        try:
            leg = open_sink(command, self._context, source.stream)
        except PortError as error:
            raise Refused(error.code, str(error)) from error
        self.sinks[command.leg] = leg
        source.sinks.append(command.leg)
        return leg.opened

    def _start_sink(self, command: StartSink) -> None:
        leg = self.sinks.get(command.leg)
        if leg is None:
            raise Refused("no_such_leg", f"no sink {command.leg!r}")
        _check_hosts(command.accept_from)
        _check_address(command.remote)
        if command.remote is None and leg.command.transport != "tcp_passive":
            raise Refused("bad_address", f"a {leg.command.transport} sink needs a remote address")
        if leg.started is not None and _same(leg.started, command):
            return
        leg.start(command)

    def _close(self, command: CloseLeg) -> list[LegStats]:
        source = self.sources.get(command.leg)
        leg = source or self.sinks.get(command.leg)
        if leg is None:
            raise Refused("no_such_leg", f"no leg {command.leg!r}")
        final = leg.stats()
        if source is not None:
            self._close_source(command.leg, "closed")
        else:
            self._close_sink(command.leg, "closed")
        return [final]

    def _close_source(self, leg: str, reason: str) -> None:
        source = self.sources.pop(leg)
        for sink in list(source.sinks):
            self._close_sink(sink, f"source {leg} {reason}", source)
        source.close()
        self._context.emit(LegClosed(leg=leg, reason=reason))

    def _close_sink(self, leg: str, reason: str, source: SourceLeg | None = None) -> None:
        sink = self.sinks.pop(leg)
        source = source or self.sources[sink.command.source]
        source.sinks.remove(leg)
        sink.close()
        self._context.emit(LegClosed(leg=leg, reason=reason))

    def _source(self, leg: str) -> SourceLeg:
        source = self.sources.get(leg)
        if source is None:
            raise Refused("no_such_leg", f"no source {leg!r}")
        return source

    def _admit(self, leg: str) -> None:
        if leg in self.sources or leg in self.sinks:
            raise Refused("bad_request", f"leg {leg!r} is open with another content")
        if self.draining:
            raise Refused("limit", "the worker is draining")
        if len(self) >= MOST_LEGS:
            raise Refused("limit", f"{MOST_LEGS} legs are open")


def _same(one: msgspec.Struct, other: msgspec.Struct) -> bool:
    """Whether two commands differ in nothing but their ``seq``."""
    return bool(msgspec.structs.replace(one, seq=0) == msgspec.structs.replace(other, seq=0))


def _check_host(host: str) -> None:
    """Only literal addresses: looking a name up would stop every stream of the worker."""
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise Refused("bad_address", f"{host!r} is no IP address") from error


def _check_ports(ports: Ports | None) -> None:
    if ports is not None and not 1024 <= ports[0] < ports[1] <= 65535:
        raise Refused("bad_request", f"{ports[0]}-{ports[1]} is no range of ports")


def _check_hosts(hosts: list[str]) -> None:
    for host in hosts:
        _check_host(host)


def _check_address(address: Address | None) -> None:
    if address is None:
        return
    _check_host(address[0])
    if not 0 < address[1] <= 65535:
        raise Refused("bad_address", f"port {address[1]}")
