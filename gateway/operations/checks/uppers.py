"""Are the configured upper platforms reachable: a TCP connection, or an answer to OPTIONS (RFC 3261 11) over UDP?"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.operations.checks.finding import Finding, ok, problem, warning
from gateway.store.engine import DATABASE_FILE

WAIT_S = 2.0
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Target:
    """One upper platform as configured."""

    id: str
    name: str
    host: str
    port: int
    transport: str

    def __str__(self) -> str:
        return f"{self.name or self.id} at {self.host}:{self.port} ({self.transport.upper()})"


def configured(data_dir: Path) -> list[Target]:
    """The upper platforms that are enabled. Raises sqlite3.Error when the database cannot be read."""
    path = data_dir / DATABASE_FILE
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        query = "SELECT id, name, host, port, transport FROM uppers WHERE enabled ORDER BY id"
        return [Target(*row) for row in connection.execute(query)]


async def check_uppers(data_dir: Path, local_id: str, wait_s: float = WAIT_S) -> list[Finding]:
    """One finding for each upper platform of the node's database."""
    if not (data_dir / DATABASE_FILE).exists():
        return [ok("upper platforms", "no database yet")]
    try:
        targets = configured(data_dir)
    except sqlite3.Error as error:
        change = "run this as the account of the node"
        return [warning("upper platforms", f"unknown: the database cannot be read ({error})", change)]
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(target: Target) -> Finding:
        async with turn:
            return await (_connect if target.transport == "tcp" else _ask)(target, local_id, wait_s)

    found = await asyncio.gather(*(one(target) for target in targets))
    return list(found) or [ok("upper platforms", "none configured")]


async def _connect(target: Target, _local_id: str, wait_s: float) -> Finding:
    try:
        async with asyncio.timeout(wait_s):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except (OSError, TimeoutError) as error:
        return _unreachable(target, error)
    writer.close()
    await writer.wait_closed()
    return ok("upper platform", f"{target} takes the connection")


class _Answers(asyncio.DatagramProtocol):
    """The first datagram or refusal."""

    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.first.done():
            self.first.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.first.done():
            self.first.set_exception(exc)


async def _ask(target: Target, local_id: str, wait_s: float) -> Finding:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(wait_s):
            transport, answers = await loop.create_datagram_endpoint(_Answers, remote_addr=(target.host, target.port))
            try:
                host, port = transport.get_extra_info("sockname")[:2]
                transport.sendto(options(target, local_id, host, port))
                line = (await answers.first).split(b"\r\n", 1)[0].decode("utf-8", "replace")
            finally:
                transport.close()
    except TimeoutError:
        change = "some platforms ignore OPTIONS: see whether `gbgateway uppers show` says registered"
        return warning("upper platform", f"{target} does not answer OPTIONS within {wait_s:g} s", change)
    except OSError as error:
        return _unreachable(target, error)
    return ok("upper platform", f"{target} answers: {line[:60]!r}")


def options(target: Target, local_id: str, host: str, port: int) -> bytes:
    """An OPTIONS request that needs no answer to be sent again (RFC 3261 11)."""
    own = f"[{host}]" if ":" in host else host
    far = f"[{target.host}]" if ":" in target.host else target.host
    token = secrets.token_hex(8)
    return (
        f"OPTIONS sip:{target.id}@{far}:{target.port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {own}:{port};rport;branch=z9hG4bK{token}\r\n"
        f"From: <sip:{local_id}@{local_id[:10]}>;tag={token}\r\n"
        f"To: <sip:{target.id}@{target.id[:10]}>\r\n"
        f"Call-ID: {token}@{own}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def _unreachable(target: Target, error: Exception) -> Finding:
    said = "no answer" if isinstance(error, TimeoutError) else getattr(error, "strerror", "") or str(error)
    change = "check the address and port with the platform's people, then routes and firewalls on the way"
    return problem("upper platform", f"{target} is not reachable: {said}", change)
