"""The wire form of the control channel: a 4-byte big-endian length, then one msgpack map tagged in field ``t``."""

from __future__ import annotations

import struct

import msgspec

from media.worker.control_commands import AnyCommand
from media.worker.control_events import AnyEvent
from media.worker.control_message import Message
from media.worker.control_replies import Reply

MAX_FRAME = 8 * 1024 * 1024
"""Largest frame, bytes, in either direction."""

_LENGTH = struct.Struct("!I")

AnyMessage = AnyCommand | AnyEvent | Reply


class ControlError(Exception):
    """The other side of the control channel broke its framing or sent something that is no message."""

    def __init__(self, what: str, value: str = "") -> None:
        super().__init__(f"{what}: {value}" if value else what)
        self.what = what
        self.value = value


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: Message) -> bytes:
    """One message as a whole frame."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ControlError("message too large", f"{len(body)} bytes")
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Bytes of the stream in, whole messages out. After a `ControlError` the connection is to be closed."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[AnyMessage]:
        """The messages completed by ``data``. Raises `ControlError` on a lying length or an unknown message."""
        self._pending += data
        messages: list[AnyMessage] = []
        at = 0
        while len(self._pending) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending, at)
            if length > MAX_FRAME:
                raise ControlError("frame too large", f"{length} bytes")
            end = at + _LENGTH.size + length
            if len(self._pending) < end:
                break
            messages.append(self._decode(bytes(self._pending[at + _LENGTH.size : end])))
            at = end
        del self._pending[:at]
        return messages

    @staticmethod
    def _decode(body: bytes) -> AnyMessage:
        try:
            return _decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise ControlError("not a message", str(error)) from error
