"""The relay's loop: readiness callbacks, changes while they run, waking."""

from __future__ import annotations

import socket
import threading

import pytest

from media.worker.reactor import MediaLoop


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    one, other = socket.socketpair()
    one.setblocking(False)
    return one, other


def test_a_readable_descriptor_is_called_back(pair: tuple[socket.socket, socket.socket]) -> None:
    loop, (one, other) = MediaLoop(), pair
    seen: list[bytes] = []
    loop.add_reader(one.fileno(), lambda: seen.append(one.recv(10)))
    assert not loop.wait(0) and loop.run_ready() == 0
    other.send(b"x")
    assert loop.wait(1) and loop.run_ready() == 1 and seen == [b"x"]
    assert loop.remove_reader(one.fileno())
    assert not loop.remove_reader(one.fileno())
    other.send(b"y")
    assert not loop.wait(0)
    loop.close()
    one.close()
    other.close()


def test_reading_and_writing_can_change_independently(pair: tuple[socket.socket, socket.socket]) -> None:
    loop, (one, other) = MediaLoop(), pair
    calls: list[str] = []
    loop.add_reader(one.fileno(), lambda: calls.append(f"read {one.recv(10)!r}"))
    loop.add_writer(one.fileno(), lambda: calls.append("write"))
    loop.add_writer(one.fileno(), lambda: calls.append("write again"))
    other.send(b"x")
    loop.run_ready()
    assert calls == ["read b'x'", "write again"]
    assert loop.remove_writer(one.fileno())
    loop.run_ready()
    assert len(calls) == 2
    loop.close()
    one.close()
    other.close()


def test_a_callback_may_remove_others_of_the_same_round(pair: tuple[socket.socket, socket.socket]) -> None:
    loop, (one, other) = MediaLoop(), pair
    calls: list[str] = []

    def remove_all() -> None:
        calls.append("one of them")
        for sock in (one, other):
            loop.remove_writer(sock.fileno())

    loop.add_writer(one.fileno(), remove_all)
    loop.add_writer(other.fileno(), remove_all)
    loop.run_ready()
    assert calls == ["one of them"]
    loop.close()
    one.close()
    other.close()


def test_waking_ends_a_wait_from_another_thread() -> None:
    loop = MediaLoop()
    thread = threading.Timer(0.02, loop.wake)
    thread.start()
    assert loop.wait(30)
    loop.run_ready()
    loop._woken()
    thread.join()
    for _ in range(100_000):
        loop.wake()
    assert loop.wait(0)
    loop.close()
    loop.wake()


def test_a_failing_callback_costs_its_descriptor_only(
    pair: tuple[socket.socket, socket.socket], capsys: pytest.CaptureFixture[str]
) -> None:
    loop, (one, other) = MediaLoop(), pair
    calls: list[str] = []

    def fail() -> None:
        raise ValueError("a fault of ours")

    loop.add_writer(one.fileno(), fail)
    loop.add_writer(other.fileno(), lambda: calls.append("served"))
    loop.run_ready()
    loop.run_ready()
    assert calls == ["served", "served"]
    assert "a fault of ours" in capsys.readouterr().out
    loop.close()
    one.close()
    other.close()
