"""Registrations and keepalives at a real node over loopback UDP; rates per core of the control process."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.secrets import Secret
from gateway.store.devices import Device
from gateway.store.stores import Stores
from interop.demo.node import NodeProcess
from interop.wire import manscdp, sipwire
from tests.bench.figure import Figure, at_least, cpu_seconds

NODE, PASSWORD = "34020000002000000001", "bench-0815"
IN_FLIGHT = 64
QUIET_S = 1.0


def codes(count: int) -> list[str]:
    return [f"3402000000132{n:07d}" for n in range(count)]


class Crowd(asyncio.DatagramProtocol):
    """Many devices behind one address. A fixed number of requests is under way at any time; a lost one is repeated."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.port = 0
        self.done = 0
        self.repeated = 0
        self.asked = 0
        self.refused: list[str] = []
        self._branches = 0
        self._waiting: dict[str, tuple[str, bytes, Callable[[str, sipwire.Split], bytes | None], float]] = {}
        self._work: Iterator[tuple[str, bytes]] = iter(())
        self._next: Callable[[str, sipwire.Split], bytes | None] = lambda code, answer: None
        self._finished = asyncio.Event()

    async def open(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.bind(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self._way, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)

    def close(self) -> None:
        self._way.close()

    def request(self, method: str, code: str, sequence: int, extra: list[str], body: bytes = b"") -> bytes:
        """A request of one device; the Call-ID is its code for REGISTER, a new one for the rest."""
        self._branches += 1
        call = code if method == "REGISTER" else f"{code}-{self._branches}"
        to = code if method == "REGISTER" else NODE
        lines = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bKb{self._branches}",
            f"From: <sip:{code}@3402000000>;tag=t{self._branches}",
            f"To: <sip:{to}@3402000000>",
            f"Call-ID: {call}",
            f"CSeq: {sequence} {method}",
            "Max-Forwards: 70",
            *extra,
        ]
        return sipwire.build(f"{method} sip:{NODE}@3402000000 SIP/2.0", lines, body)

    async def perform(
        self, work: Iterator[tuple[str, bytes]], then: Callable[[str, sipwire.Split], bytes | None]
    ) -> float:
        """Send all of `work`; `then` gives what follows an answer. The seconds it took."""
        self.done, self._work, self._next = 0, work, then
        self._finished.clear()
        began = time.monotonic()
        for _ in range(IN_FLIGHT):
            self._send_next()
        while not self._finished.is_set():
            try:
                await asyncio.wait_for(self._finished.wait(), 0.5)
            except TimeoutError:
                self._repeat()
        return time.monotonic() - began

    def _repeat(self) -> None:
        now = time.monotonic()
        for branch, (code, data, then, at) in list(self._waiting.items()):
            if now - at > 0.5:
                self.repeated += 1
                self._waiting[branch] = (code, data, then, now)
                self._way.sendto(data, self.server)

    def _send_next(self) -> None:
        entry = next(self._work, None)
        if entry is not None:
            self._send(*entry)
        elif not self._waiting:
            self._finished.set()

    def _send(self, code: str, data: bytes) -> None:
        at = data.index(b"branch=") + 7
        self._waiting[data[at : data.index(b"\r", at)].decode()] = (code, data, self._next, time.monotonic())
        self._way.sendto(data, self.server)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = sipwire.split(data)
        if not message.status:  # what the node asks of its devices is refused, and counted
            self.asked += 1
            self._way.sendto(sipwire.answer_bytes(message, 405, source=sipwire.Path("UDP", *addr), to_tag="b"), addr)
            return
        branch = message.need("via").partition("branch=")[2].partition(";")[0]
        waiting = self._waiting.pop(branch, None)
        if waiting is None:
            return
        code, _, then, _ = waiting
        follows = then(code, message)
        if follows is not None:
            self._send(code, follows)
            return
        self.done += 1
        if message.status != 200:
            self.refused.append(message.start)
        self._send_next()


class Registering(Crowd):
    """The two kinds of traffic."""

    def registers(self, ids: list[str]) -> Iterator[tuple[str, bytes]]:
        for code in ids:
            yield code, self._register(code, 1, [])

    def authorised(self, code: str, answer: sipwire.Split) -> bytes | None:
        """The REGISTER that answers a challenge."""
        if answer.status != 401:
            return None
        uri = f"sip:{NODE}@3402000000"
        value = sipwire.authorization(
            answer.need("www-authenticate"), user=code, password=PASSWORD, method="REGISTER", uri=uri
        )
        return self._register(code, 2, [f"Authorization: {value}"])

    def _register(self, code: str, sequence: int, extra: list[str]) -> bytes:
        contact = f"Contact: <sip:{code}@127.0.0.1:{self.port}>"
        return self.request("REGISTER", code, sequence, [contact, "Expires: 3600", *extra])

    def keepalives(self, ids: list[str], rounds: int) -> Iterator[tuple[str, bytes]]:
        for sn in range(1, rounds + 1):
            for code in ids:
                body = manscdp.xml("Notify", "Keepalive", sn, code, "<Status>OK</Status>\r\n")
                yield code, self.request("MESSAGE", code, 20, ["Content-Type: Application/MANSCDP+xml"], body)


async def enrol(data_dir: Path, ids: list[str]) -> None:
    """Write the devices into a node's database while it does not run."""
    stores = await Stores.open(data_dir)
    for code in ids:
        await stores.devices.create(Device(id=code, password=Secret(PASSWORD)))
    await stores.close()


async def run(*, quick: bool) -> list[Figure]:
    """All devices register, then all keep alive."""
    ids, rounds = codes(500 if quick else 2000), 6
    with tempfile.TemporaryDirectory(prefix="gb") as folder:
        directory = Path(folder)
        node = NodeProcess(NODE, "bench", directory, set(), {"catalog": {"sync_on_register": False}})
        await enrol(directory / "data", ids)
        await node.start()
        crowd = Registering(("127.0.0.1", node.sip_port))
        await crowd.open()
        try:
            assert node.process is not None
            pid, figures = node.process.pid, []
            for name, work, then, bar in (
                ("registrations with Digest", crowd.registers(ids), crowd.authorised, 5000),
                ("keepalives", crowd.keepalives(ids, rounds), lambda code, answer: None, 10_000),
            ):
                before = cpu_seconds(pid)
                took = await crowd.perform(work, then)
                rate = crowd.done / max(cpu_seconds(pid) - before, 0.01)
                note = (
                    f"{crowd.done / took:,.0f} per second of wall time; {crowd.repeated} repeated, {crowd.asked} asked"
                )
                figures.append(Figure("register", name, rate, "per core s", at_least(bar), note))
                assert not crowd.refused, crowd.refused[0]
                await asyncio.sleep(QUIET_S)
            return figures
        finally:
            crowd.close()
            await node.stop()
