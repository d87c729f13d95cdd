"""One receiving leg as a stream of packets: what number each gets, what it carries, where key frames begin.

No sockets here: packets come in with their source address and ``now``; what is accepted gets a running number that
grows over wraps and restarts. Who may send and with which SSRC is decided by `media.worker.source_lock`; packets that
come before the answer has named the sender are not looked into (`media.worker.early`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from media.errors import RemoteError
from media.keyframe import PS, KeyFrameFinder
from media.reception import Reception
from media.rtp import parse_header
from media.sniff import PayloadKind, sniff
from media.worker.control import (
    Address,
    Event,
    FirstKeyFrame,
    FirstPacket,
    KeyFrameWanted,
    NotPs,
    SourceSilent,
)
from media.worker.early import EarlyPackets
from media.worker.gop import DEFAULT_LIMIT, GopBudget, GopCache
from media.worker.sequence import RunningSequence
from media.worker.sink import SinkStream
from media.worker.source_lock import SourceLock, Verdict

KEY_WANTED_S = 2.0
SILENCE_STEPS_S = (5.0, 10.0, 15.0)
KEYLESS_S = 5.0
"""A stream without any recognisable key frame for this long is relayed as it is."""
_SNIFF_FRAMES = 5
_SNIFF_PACKETS = 300

_HEADER = struct.Struct("!BBHII")
Packet = bytes | bytearray | memoryview


class SourceStream:
    """The packet side of one source and the sinks that hang on it.

    ``accept_from`` not empty: who may send is known already; empty: nothing is taken before `update` has named it.
    ``behind`` is the set of sources with sinks still catching up, which this one joins when it has any.
    """

    def __init__(
        self,
        leg: str,
        *,
        ssrc: int | None,
        accept_from: list[str],
        any_ssrc: bool = True,
        emit: Callable[[Event], None],
        budget: GopBudget,
        now: float,
        gop_cache: bool = True,
        gop_limit: int = DEFAULT_LIMIT,
        behind: set[SourceStream] | None = None,
    ) -> None:
        self.leg = leg
        self.lock = SourceLock(leg, ssrc, accept_from, emit, any_ssrc=any_ssrc)
        self.answered = bool(accept_from)
        self.numbers = RunningSequence()
        self.reception = Reception()
        self.finder = KeyFrameFinder()
        self.gops = GopCache(budget, gop_limit)
        self.gop_cache = gop_cache
        self.undecided: list[tuple[int, bytes]] = []
        self.live: list[SinkStream] = []
        self.waiting: list[SinkStream] = []
        self.catching_up: list[SinkStream] = []
        self.payload_type: int | None = None
        self.packets = 0
        self.bytes = 0
        self.not_rtp = 0
        self.first_packet_at: float | None = None
        self.first_key_at: float | None = None
        self.last_packet_at: float | None = None
        self._emit = emit
        self._behind = behind if behind is not None else set()
        self._silent_since = now
        self._silence_told = 0
        self._key_wanted_at = float("-inf")
        self._early = EarlyPackets()
        self._timestamp = -1
        self._kind: PayloadKind | None = None
        self._kinds: dict[PayloadKind, int] = {}
        self._sniffed_timestamp: int | None = None

    # --- admission --------------------------------------------------------------------------------------------------

    def admit(self, packet: Packet, remote: Address, now: float) -> int:
        """The running number of an acceptable RTP packet, or -1: held back and counted."""
        if len(packet) < 12:
            self.not_rtp += 1
            return -1
        first, second, number, timestamp, ssrc = _HEADER.unpack_from(packet)
        if first & 0xC0 != 0x80 or 72 <= second & 0x7F <= 95:
            self.not_rtp += 1
            return -1
        lock = self.lock
        if (remote != lock.remote or ssrc != lock.ssrc) and not self._take_sender(packet, remote, ssrc, now):
            return -1
        self.last_packet_at = now
        running = self.numbers.take(number, packet)
        if running < 0:
            return -1
        self.packets += 1
        self.bytes += len(packet)
        if self.first_packet_at is None:
            self._first(ssrc, second & 0x7F, remote, now)
        if timestamp != self._timestamp:
            self._timestamp = timestamp
            self.reception.arrived(timestamp, now)
        if self._kind is None:
            self._learn_kind(packet, timestamp, second & 0x7F)
        return running

    def _first(self, ssrc: int, payload_type: int, remote: Address, now: float) -> None:
        self.first_packet_at = now
        self.payload_type = payload_type
        self._emit(FirstPacket(leg=self.leg, ssrc=ssrc, remote=remote, payload_type=payload_type))

    def _take_sender(self, packet: Packet, remote: Address, ssrc: int, now: float) -> bool:
        """Whether the sender or SSRC of ``packet`` takes the lock."""
        if not self.answered:
            self._early.put(remote, packet)
            return False
        verdict = self.lock.judge(remote, ssrc, now, self.last_packet_at)
        if verdict is Verdict.REFUSED:
            return False
        if verdict is not Verdict.FIRST:
            self._begin_anew(verdict is Verdict.REPLACED, now)
        return True

    def _begin_anew(self, replaced: bool, now: float) -> None:
        """Another sender or SSRC follows: every sink goes on at its next key frame, nothing older is sent any more.

        ``replaced``: what came before was not this source; what was learnt of it is forgotten too.
        """
        self.numbers.expect_jump()
        self.reception.restarted()
        self.finder.gap()
        self.gops.clear()
        self.undecided.clear()
        if replaced:
            self.finder = KeyFrameFinder()
            self._kind, self._kinds, self._sniffed_timestamp = None, {}, None
            self.payload_type = self.first_packet_at = self.first_key_at = None
            self._key_wanted_at = float("-inf")
        for sink in (*self.live, *self.catching_up):
            sink.wait()
            if replaced:
                sink.outlet.forget()
            self.waiting.append(sink)
        self.live.clear()
        self.catching_up.clear()
        if self.waiting:
            self.want_key(now)

    def update(
        self,
        ssrc: int | None,
        accept_from: list[str],
        now: float,
        *,
        expect_port: int | None = None,
        any_ssrc: bool = True,
    ) -> list[tuple[bytes, Address]]:
        """The answer is known. A sender locked to before that contradicts it loses its lock and all kept of it.

        Returns the packets that came early from the sender accepted now, to be filed like others.
        """
        if self.lock.update(ssrc, accept_from, expect_port, any_ssrc):
            self._begin_anew(True, now)
        self.answered = True
        replay: list[tuple[bytes, Address]] = []
        sender = self._early_sender(now)
        if sender is not None:
            replay = [(packet, sender) for packet in self._early.of(sender)]
        self._early.clear()
        return replay

    def _early_sender(self, now: float) -> Address | None:
        """The accepted one of the early senders. With any address accepted: none."""
        lock, best = self.lock, None
        for remote, count in self._early.counts.items():
            if not lock.allows(remote):
                lock.refuse_foreign(remote, now, count)
            elif lock.accept_from and any(lock.agrees(_ssrc(packet)) for packet in self._early.of(remote)):
                best = remote if best is None or lock.expects(remote) else best
        return best

    # --- what the payload is ----------------------------------------------------------------------------------------

    @property
    def keyless(self) -> bool:
        """Whether this stream has no key frames to wait for (audio)."""
        return self._kind is PayloadKind.AUDIO

    def _learn_kind(self, packet: Packet, timestamp: int, payload_type: int) -> None:
        if timestamp == self._sniffed_timestamp and self.packets % 16:
            return
        self._sniffed_timestamp = timestamp
        kind = sniff(_payload(packet), payload_type)
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if kind in (PayloadKind.PS, PayloadKind.AUDIO):
            self._kind = kind
        elif sum(self._kinds.values()) >= _SNIFF_FRAMES or self.packets >= _SNIFF_PACKETS:
            known = {k: n for k, n in self._kinds.items() if k is not PayloadKind.UNKNOWN}
            if not known and self.packets < _SNIFF_PACKETS:
                return
            self._kind = max(known, key=known.__getitem__) if known else PayloadKind.UNKNOWN
            self._emit(NotPs(leg=self.leg, seen=self._kind.value))

    def look(self, packet: Packet, lost_before: bool) -> int | None:
        """How many packets before this one (0: this one) a key frame began, or None."""
        if lost_before:
            self.finder.gap()
        start = 12 if packet[0] == 0x80 else 0
        if start and self.finder.mode == PS and not self.finder.pending and (len(packet) < 13 or packet[12]):
            return None
        return self.finder.feed(_payload(packet))

    # --- key frames and the cache -----------------------------------------------------------------------------------

    def keep(self, running: int, packet: Packet, back: int | None, now: float) -> list[tuple[int, bytes]]:
        """File one accepted packet; returns the packets of the key frame so far when one has just been recognised."""
        if back is None and not self.finder.pending and not self.undecided:
            if self.gops.current is not None:
                self._cache(running, bytes(packet))
            return []
        self.undecided.append((running, bytes(packet)))
        if back is None:
            if not self.finder.pending:
                self._settle(len(self.undecided))
            return []
        self._settle(max(len(self.undecided) - 1 - back, 0))
        opening = self.undecided
        self.undecided = []
        self._open_gop(opening, now)
        return opening

    def _settle(self, count: int) -> None:
        """The first ``count`` undecided packets belong to the group that is open."""
        for running, packet in self.undecided[:count]:
            self._cache(running, packet)
        del self.undecided[:count]

    def _open_gop(self, opening: list[tuple[int, bytes]], now: float) -> None:
        if self.first_key_at is None:
            self.first_key_at = now
            self._emit(FirstKeyFrame(leg=self.leg))
        if not self.gop_cache:
            return
        self.gops.start(now)
        for running, packet in opening:
            self._cache(running, packet)

    def _cache(self, running: int, packet: bytes) -> None:
        if not self.gops.append(running, packet) and self.catching_up:
            self.want_key(self.last_packet_at or 0.0)

    def want_key(self, now: float) -> None:
        """Ask for a key frame, at most once per 2 s."""
        if now - self._key_wanted_at >= KEY_WANTED_S:
            self._key_wanted_at = now
            self._emit(KeyFrameWanted(leg=self.leg))

    # --- sinks ------------------------------------------------------------------------------------------------------

    def attach(self, sink: SinkStream, now: float) -> None:
        """Start a sink: from the cached group of pictures, or at the next key frame (asked for)."""
        self.detach(sink)
        gop = self.gops.current
        if gop is not None and gop.packets:
            sink.catch_up(gop, now)
            self.catching_up.append(sink)
            self._behind.add(self)
            return
        sink.wait()
        self.waiting.append(sink)
        self.want_key(now)

    def detach(self, sink: SinkStream) -> None:
        """Stop feeding a sink."""
        sink.stop()
        for sinks in (self.live, self.waiting, self.catching_up):
            if sink in sinks:
                sinks.remove(sink)

    def make_wait(self, sink: SinkStream, now: float) -> None:
        """A sink whose receiver is too slow skips to a key frame."""
        self.detach(sink)
        sink.wait()
        self.waiting.append(sink)
        self.want_key(now)

    # --- time -------------------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Tell silence; ask again for the key frame somebody waits for."""
        since = max(self._silent_since, self.last_packet_at or self._silent_since)
        silent_s = now - since
        if silent_s < SILENCE_STEPS_S[0]:
            self._silence_told = 0
        elif self._silence_told < len(SILENCE_STEPS_S) and silent_s >= SILENCE_STEPS_S[self._silence_told]:
            self._emit(SourceSilent(leg=self.leg, silent_s=SILENCE_STEPS_S[self._silence_told]))
            self._silence_told += 1
        if self.waiting and silent_s < SILENCE_STEPS_S[0]:
            self.want_key(now)

    def start_without_key(self, now: float) -> bool:
        """Whether waiting sinks are to be started with the next packet, because no key frame can be recognised."""
        if self.keyless:
            return True
        return self.first_key_at is None and self.first_packet_at is not None and now - self.first_packet_at > KEYLESS_S


def _payload(packet: Packet) -> bytes:
    if packet[0] == 0x80:
        return bytes(packet[12:])
    try:
        header = parse_header(packet)
    except RemoteError:
        return b""
    return bytes(packet[header.payload_start : header.payload_end])


def _ssrc(packet: bytes) -> int:
    return int.from_bytes(packet[8:12], "big")
