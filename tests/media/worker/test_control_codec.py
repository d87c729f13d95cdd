"""The wire form of the control channel, byte for byte, and what is refused."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.worker.control import (
    MAX_FRAME,
    ControlError,
    FirstPacket,
    FrameDecoder,
    Hello,
    HelloReply,
    LegState,
    LegStats,
    OpenSource,
    Reply,
    SnapshotTaken,
    Stats,
    WorkerError,
    encode,
)


def test_a_frame_is_a_big_endian_length_and_a_tagged_msgpack_map() -> None:
    assert encode(Stats(seq=7)) == b"\x00\x00\x00\x0e\x82\xa1t\xa5Stats\xa3seq\x07"


def test_a_command_written_by_hand_is_understood() -> None:
    body = b"\x84\xa1t\xa5Hello\xa3seq\x01\xa5epoch\x05\xa4name\xa1n"
    assert FrameDecoder().feed(struct.pack("!I", len(body)) + body) == [Hello(seq=1, epoch=5, name="n")]


def test_fields_left_out_take_their_defaults() -> None:
    body = msgspec.msgpack.encode({"t": "OpenSource", "seq": 3, "leg": "a", "transport": "udp", "bind": "127.0.0.1"})
    (command,) = FrameDecoder().feed(struct.pack("!I", len(body)) + body)
    assert command == OpenSource(seq=3, leg="a", transport="udp", bind="127.0.0.1")
    assert isinstance(command, OpenSource)
    assert command.accept_from == [] and command.gop_cache and command.ssrc is None


@pytest.mark.parametrize(
    "message",
    [
        Reply(seq=1, ok=True),
        Reply(seq=2, ok=False, error=WorkerError("no_port", "all ports of 30000-30001 are taken")),
        Reply(seq=3, ok=True, value=[LegStats(leg="a", kind="source", transport="udp", packets=3)]),
        Reply(seq=4, ok=True, value=SnapshotTaken(jpeg=b"\xff\xd8", width=2, height=2, codec="H264", pts=1)),
        Reply(
            seq=5,
            ok=True,
            value=HelloReply(kind="relay", pid=1, name="r", epoch=2, legs=[LegState("a", "source", remote=("h", 1))]),
        ),
        FirstPacket(leg="a", ssrc=1, remote=("127.0.0.1", 5), payload_type=96),
    ],
)
def test_every_kind_of_value_survives_the_way(message: Reply | FirstPacket) -> None:
    assert FrameDecoder().feed(encode(message)) == [message]


@given(cuts=st.lists(st.integers(0, 60), max_size=6))
def test_messages_come_out_whole_however_the_bytes_are_cut(cuts: list[int]) -> None:
    data = encode(Stats(seq=1)) + encode(Hello(epoch=1, name="x")) + encode(Stats(seq=2))
    decoder = FrameDecoder()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    messages = [m for start, end in zip(edges, edges[1:], strict=False) for m in decoder.feed(data[start:end])]
    assert messages == [Stats(seq=1), Hello(epoch=1, name="x"), Stats(seq=2)]


def test_a_lying_length_is_refused_before_it_is_buffered() -> None:
    with pytest.raises(ControlError, match="frame too large"):
        FrameDecoder().feed(struct.pack("!I", MAX_FRAME + 1))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x80", b"\x81\xa1t\xa4Nope", b"\x81\xa1t\xa5Hello"])
def test_bytes_that_are_no_message_are_refused(body: bytes) -> None:
    with pytest.raises(ControlError, match="not a message"):
        FrameDecoder().feed(struct.pack("!I", len(body)) + body)


def test_a_message_above_the_limit_is_not_sent() -> None:
    with pytest.raises(ControlError, match="message too large"):
        encode(Reply(seq=1, ok=True, value=SnapshotTaken(bytes(MAX_FRAME), 1, 1, "H264", 0)))


def test_an_error_names_what_and_value() -> None:
    error = ControlError("not a message", "x")
    assert (str(error), error.what, error.value) == ("not a message: x", "not a message", "x")
    assert str(ControlError("gone")) == "gone"
