from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.operations.service_manager import ServiceManager


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end: a bound datagram socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        yield bound


def environment(bound: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": bound.getsockname(), "HOME": "/", **more}


def test_ready_and_stopping_are_told(systemd: socket.socket) -> None:
    variables = environment(systemd)
    manager = ServiceManager.of_environment(variables)
    manager.ready("SIP port 5060")
    assert systemd.recv(1000) == b"READY=1\nSTATUS=SIP port 5060"
    manager.stopping()
    assert systemd.recv(1000).startswith(b"STOPPING=1\n")
    assert variables == {"HOME": "/"}, "workers are not the service"


async def test_a_watchdog_hears_of_us_twice_in_its_time(systemd: socket.socket) -> None:
    manager = ServiceManager.of_environment(environment(systemd, WATCHDOG_USEC="20000", WATCHDOG_PID=str(os.getpid())))
    assert manager.watchdog_s == 0.02
    alive = asyncio.create_task(manager.keep_alive())
    heard = [await asyncio.to_thread(systemd.recv, 1000) for _ in range(3)]
    alive.cancel()
    await asyncio.wait([alive])
    assert heard == [b"WATCHDOG=1"] * 3


async def test_a_watchdog_of_another_process_or_none_is_not_served(systemd: socket.socket) -> None:
    other = ServiceManager.of_environment(environment(systemd, WATCHDOG_USEC="20000", WATCHDOG_PID="1"))
    for manager in (other, ServiceManager.of_environment(environment(systemd, WATCHDOG_USEC="x"))):
        assert manager.watchdog_s is None
        await manager.keep_alive()
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1000)


def test_an_abstract_socket_is_reached_by_its_name() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0gbgateway-test-" + str(os.getpid()))
        ServiceManager.of_environment({"NOTIFY_SOCKET": f"@gbgateway-test-{os.getpid()}"}).ready("x")
        assert bound.recv(1000) == b"READY=1\nSTATUS=x"


def test_without_a_service_manager_nothing_is_sent_and_a_lost_one_stops_nothing(tmp_path: Path) -> None:
    ServiceManager.of_environment({}).ready("x")
    ServiceManager.of_environment({"NOTIFY_SOCKET": "relative"}).stopping()
    ServiceManager(str(tmp_path / "nobody")).ready("x")


def test_the_process_own_environment_is_read(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    ServiceManager.of_environment().stopping()
    assert systemd.recv(1000).startswith(b"STOPPING=1")
    assert "NOTIFY_SOCKET" not in os.environ
