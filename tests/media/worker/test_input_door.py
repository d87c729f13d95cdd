"""Who may bring the stream of an input: by the SSRC of the first RTP packet, one connection at a time."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from media.worker.input_door import MOST_UNPROVEN, InputDoor

HOST = "127.0.0.1"
SECRET = 0xC0FFEE01


class Setting:
    """A door, what came through it, and the callers outside."""

    def __init__(self, floor: Any, ssrc: int | None = SECRET) -> None:
        self.floor = floor
        self.opened = 0
        self.packets: list[bytes] = []
        self.callers: list[socket.socket] = []
        self.door = InputDoor("in", HOST, ssrc, reactor=floor.loop, opened=self._opened, received=self.packets.extend)

    def _opened(self) -> None:
        self.opened += 1

    def call(self, *packets: bytes) -> socket.socket:
        sock = socket.create_connection((HOST, self.door.port), 5)
        self.callers.append(sock)
        self.say(sock, *packets)
        return sock

    def say(self, sock: socket.socket, *packets: bytes) -> None:
        sock.sendall(b"".join(struct.pack("!H", len(packet)) + packet for packet in packets))
        self.floor.turn()


def rtp(ssrc: int = SECRET, payload: bytes = b"x" * 20) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, 1, 2, ssrc) + payload


RTCP = struct.pack("!BBHI", 0x80, 200, 6, SECRET) + bytes(20)


@pytest.fixture
def setting(floor: Any) -> Iterator[Setting]:
    place = Setting(floor)
    yield place
    place.door.close()
    for sock in place.callers:
        sock.close()


def test_a_connection_is_taken_by_its_first_rtp_packet(setting: Setting) -> None:
    relay = setting.call()
    setting.say(relay, RTCP)
    assert not setting.door.connected and setting.packets == []
    setting.say(relay, rtp(), rtp(payload=b"z"))
    assert (setting.door.connected, setting.opened, setting.packets) == (True, 1, [rtp(), rtp(payload=b"z")])
    setting.say(relay, RTCP)
    assert setting.packets[2:] == [RTCP]


def test_another_ssrc_is_closed_and_counted(setting: Setting) -> None:
    intruder = setting.call(rtp(SECRET + 1), rtp())
    assert intruder.recv(10) == b""
    assert (setting.door.refused, setting.packets, setting.door.connected) == (1, [], False)
    setting.call(rtp())
    assert setting.door.connected


def test_while_one_stands_others_are_refused_even_with_its_ssrc(setting: Setting) -> None:
    waiting = setting.call()
    setting.call(rtp())
    assert waiting.recv(10) == b""
    late = setting.call()
    assert late.recv(10) == b""
    assert (setting.door.refused, setting.opened, setting.packets) == (2, 1, [rtp()])


def test_a_replacement_is_taken_even_when_the_end_of_the_former_is_noticed_with_it(setting: Setting) -> None:
    setting.call(rtp()).close()
    setting.call(rtp(payload=b"y" * 20))
    assert (setting.opened, setting.packets[-1], setting.door.refused) == (2, rtp(payload=b"y" * 20), 0)


def test_silent_callers_make_way(setting: Setting) -> None:
    for _ in range(MOST_UNPROVEN + 1):
        setting.call()
    assert setting.callers[0].recv(10) == b"" and setting.door.refused == 1
    setting.say(setting.callers[-1], rtp())
    assert setting.door.connected


def test_another_protocol_is_closed(setting: Setting) -> None:
    browser = setting.call()
    browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
    setting.floor.turn()
    assert browser.recv(10) == b"" and not setting.door.connected


def test_a_caller_that_hangs_up_is_forgotten(setting: Setting) -> None:
    setting.call().close()
    setting.floor.turn()
    setting.call(rtp()).close()
    setting.floor.turn()
    assert (setting.door.connected, setting.door.refused) == (False, 0)


def test_another_agreed_ssrc_waits_for_another_connection(setting: Setting) -> None:
    relay = setting.call(rtp())
    setting.door.expect(SECRET)
    assert setting.door.connected
    setting.door.expect(7)
    assert not setting.door.connected and relay.recv(10) == b""
    setting.call(rtp(7))
    assert setting.door.connected


def test_without_an_agreed_ssrc_whoever_sends_rtp_first_is_taken(floor: Any) -> None:
    place = Setting(floor, None)
    place.call()
    place.call(rtp(1))
    assert place.door.connected and place.callers[0].recv(10) == b""
    place.door._read(place.door._taken)  # type: ignore[arg-type]
    assert place.door.connected
    place.door.close()
    for sock in place.callers:
        sock.close()
