"""The partners of `floor.c` in bare Python, for machines without a C compiler: `load`, `sink` and `relay`."""

from __future__ import annotations

import select
import signal
import socket
import struct
import sys
import time

START = bytes.fromhex("000001ba440004000401000003f8000001e000008080052100010001")
KEY = bytes.fromhex("0000000167428014da01400000000000000168ce3c800000000165888421a0")
SLICE = bytes.fromhex("00000001419a2211c0")
FPS = 25
PAYLOAD = 1400


def _udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind(("127.0.0.1", 0))
    return sock


def load(size: int, seconds: float, ports: list[int]) -> None:
    """One stream per port: `size` packets a frame, 25 frames a second; prints the packets sent."""
    sock, sequence, sent, began = _udp(), 0, 0, time.monotonic()
    for frame in range(int(seconds * FPS)):
        first = (START + (KEY if frame % 50 == 0 else SLICE)).ljust(PAYLOAD, b"\x55")
        for n, port in enumerate(ports):
            time.sleep(max(0.0, began + (frame + n / len(ports)) / FPS - time.monotonic()))
            for at in range(size):
                second = (0x80 if at == size - 1 else 0) | 96
                head = struct.pack("!BBHII", 0x80, second, (sequence + at) & 0xFFFF, frame * 3600, 1000 + n)
                sock.sendto(head + (b"\x55" * PAYLOAD if at else first), ("127.0.0.1", port))
                sent += 1
        sequence += size
    print(sent, flush=True)


def sink(ended: list[int]) -> None:
    """Prints its port, counts datagrams until SIGTERM, prints the count."""
    sock, count = _udp(), 0
    sock.settimeout(0.1)
    print(sock.getsockname()[1], flush=True)
    while not ended:
        try:
            sock.recv(64)
            count += 1
        except TimeoutError:
            continue
    print(count, flush=True)


def relay(streams: int, port: int, ended: list[int]) -> None:
    """Prints a port per stream, forwards with another SSRC and sequence until SIGTERM."""
    inward = {sock.fileno(): (sock, n) for n, sock in enumerate(_udp() for _ in range(streams))}
    out, count, poll = _udp(), 0, select.epoll()
    for number, (sock, _) in inward.items():
        sock.setblocking(False)
        poll.register(number, select.EPOLLIN)
    print(*(sock.getsockname()[1] for sock, _ in inward.values()), flush=True)
    buffer = bytearray(2048)
    while not ended:
        for number, _ in poll.poll(0.1):
            sock, n = inward[number]
            while True:
                try:
                    size = sock.recv_into(buffer)
                except BlockingIOError:
                    break
                sequence = (int.from_bytes(buffer[2:4], "big") + 77) & 0xFFFF
                struct.pack_into("!H4xI", buffer, 2, sequence, 9000 + n)
                out.sendto(memoryview(buffer)[:size], ("127.0.0.1", port))
                count += 1
    print(count, flush=True)


def main(arguments: list[str]) -> None:
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    role, *rest = arguments
    if role == "load":
        load(int(rest[0]), float(rest[1]), [int(text) for text in rest[2:]])
    elif role == "sink":
        sink(ended)
    else:
        relay(int(rest[0]), int(rest[1]), ended)


if __name__ == "__main__":
    main(sys.argv[1:])
