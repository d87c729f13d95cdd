from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.operations.checks.finding import Finding, Level
from gateway.operations.checks.uppers import Target, check_uppers, options
from gateway.store.engine import Database
from gateway.store.migrations.upgrade import migrate
from interop.demo.ports import free_port
from interop.wire.port import WireStranger

NODE = "34020000002000000001"


async def database(folder: Path, *targets: Target, enabled: bool = True) -> None:
    opened = Database.open(folder)
    await migrate(opened.writer)
    await opened.close()
    with closing(sqlite3.connect(folder / "gateway.db")) as connection, connection:
        for one in targets:
            connection.execute(
                "INSERT INTO uppers (id, name, host, port, transport, domain, local_id, username, password, "
                "register_expires_seconds, keepalive_seconds, source_addresses, ssrc_policy, enabled, created_at) "
                "VALUES (?, ?, ?, ?, ?, '', '', '', '', 1, 1, '[]', 'upper', ?, 0)",
                (one.id, one.name, one.host, one.port, one.transport, enabled),
            )


def upper(port: int, transport: str, number: int = 1) -> Target:
    return Target(f"3400000000200000000{number}", "City", "127.0.0.1", port, transport)


async def check(folder: Path) -> list[Finding]:
    return await check_uppers(folder, NODE, wait_s=0.3)


async def test_an_upper_platform_answers_options_over_udp(tmp_path: Path) -> None:
    class Platform(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            assert data.startswith(b"OPTIONS sip:34000000002000000001@127.0.0.1:")
            assert data.endswith(b"Content-Length: 0\r\n\r\n")
            self.transport.sendto(b"SIP/2.0 405 Method Not Allowed\r\n\r\n", addr)  # type: ignore[attr-defined]
            self.transport.sendto(b"SIP/2.0 405 again\r\n\r\n", addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Platform, local_addr=("127.0.0.1", 0))
    await database(tmp_path, upper(transport.get_extra_info("sockname")[1], "udp"))
    [found] = await check(tmp_path)
    transport.close()
    assert found.level is Level.OK and "405 Method Not Allowed" in found.text


async def test_silence_may_be_a_platform_that_ignores_options_and_a_closed_port_is_none(tmp_path: Path) -> None:
    async with WireStranger("127.0.0.1") as silent:
        await database(tmp_path, upper(silent.port, "udp"), upper(free_port(), "udp", 2))
        quiet, closed = await check(tmp_path)
    assert quiet.level is Level.WARNING and "uppers show" in quiet.change
    assert closed.level is Level.PROBLEM and "not reachable" in closed.text


async def test_an_upper_platform_over_tcp_takes_the_connection_or_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await database(tmp_path, upper(listening.getsockname()[1], "tcp"), upper(free_port(), "tcp", 2))
        up, down = await check(tmp_path)
    assert (up.level, down.level) == (Level.OK, Level.PROBLEM)


async def test_those_that_are_switched_off_are_not_asked(tmp_path: Path) -> None:
    await database(tmp_path, upper(free_port(), "tcp"), enabled=False)
    assert [one.text for one in await check(tmp_path)] == ["none configured"]


async def test_without_a_readable_database_it_is_said(tmp_path: Path) -> None:
    assert (await check(tmp_path))[0].text == "no database yet"
    (tmp_path / "gateway.db").write_bytes(b"x" * 5000)
    assert (await check(tmp_path))[0].level is Level.WARNING


def test_options_over_ipv6_has_its_addresses_in_brackets() -> None:
    text = options(Target("34000000002000000001", "", "2001:db8::1", 5060, "udp"), NODE, "2001:db8::2", 9).decode()
    assert "sip:34000000002000000001@[2001:db8::1]:5060 SIP/2.0\r\n" in text
    assert "Via: SIP/2.0/UDP [2001:db8::2]:9;rport;branch=z9hG4bK" in text
