"""The worker's control socket: one owner, one control process, adoption by epoch."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from media.errors import LocalError
from media.worker import server as server_module
from media.worker.control import (
    AnyCommand,
    AnyMessage,
    CloseLeg,
    Drain,
    FirstKeyFrame,
    FrameDecoder,
    Hello,
    HelloReply,
    LegState,
    Message,
    Opened,
    Reply,
    Stats,
    WorkerError,
    encode,
)
from media.worker.reactor import MediaLoop
from media.worker.server import Answer, ControlServer, Refused

HELD = [LegState("a", "source", port=30000)]


class Control:
    """A control process's connection, driven by hand."""

    def __init__(self, loop: MediaLoop, path: str) -> None:
        self.loop = loop
        self.decoder = FrameDecoder()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(0.2)

    def send(self, *messages: Message) -> None:
        self.sock.sendall(b"".join(encode(m) for m in messages))
        self.turn()

    def turn(self) -> None:
        while self.loop.wait(0.01):
            self.loop.run_ready()

    def received(self) -> list[AnyMessage]:
        return self.decoder.feed(self.sock.recv(1 << 20))


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def setting(tmp_path: Path, now: list[float]) -> Iterator[tuple[ControlServer, Callable[[], Control]]]:
    loop = MediaLoop()
    controls: list[Control] = []

    def handle(command: AnyCommand, answer: Answer) -> None:
        if isinstance(command, CloseLeg):
            raise Refused("no_such_leg", command.leg)
        if isinstance(command, Drain):
            raise ValueError("a fault of ours")
        answer(Opened(port=command.seq))

    path = str(tmp_path / "w.sock")
    server = ControlServer(
        path, kind="relay", name="w", reactor=loop, handle=handle, held=lambda: HELD, clock=lambda: now[0], orphan_s=30
    )

    def connect() -> Control:
        controls.append(Control(loop, path))
        controls[-1].turn()
        return controls[-1]

    yield server, connect
    server.close()
    loop.close()
    for control in controls:
        control.sock.close()


Setting = tuple[ControlServer, Callable[[], Control]]


def test_the_socket_is_for_its_owner_alone(setting: Setting, tmp_path: Path) -> None:
    assert stat.S_IMODE(os.stat(tmp_path / "w.sock").st_mode) == 0o600


def test_hello_is_answered_with_what_is_held(setting: Setting) -> None:
    server, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=4, name="node"))
    value = HelloReply(kind="relay", pid=os.getpid(), name="w", epoch=4, legs=HELD)
    assert control.received() == [Reply(seq=1, ok=True, value=value)]
    assert server.adopted


def test_commands_are_answered_or_refused(setting: Setting) -> None:
    _, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"))
    control.received()
    control.send(Stats(seq=2), CloseLeg(seq=3, leg="x"))
    error = WorkerError("no_such_leg", "x")
    assert control.received() == [Reply(seq=2, ok=True, value=Opened(2)), Reply(seq=3, ok=False, error=error)]


def test_a_fault_of_ours_costs_one_command(setting: Setting) -> None:
    _, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"), Drain(seq=2), Stats(seq=3))
    _, failed, answered = control.received()
    assert isinstance(failed, Reply) and failed.error is not None and "see its log" in failed.error.message
    assert answered == Reply(seq=3, ok=True, value=Opened(3))


def test_a_command_before_hello_is_refused(setting: Setting) -> None:
    _, connect = setting
    control = connect()
    control.send(Stats(seq=2))
    (reply,) = control.received()
    assert isinstance(reply, Reply) and reply.error is not None and reply.error.code == "bad_request"


def test_a_newer_control_process_takes_over(setting: Setting) -> None:
    server, connect = setting
    first, second = connect(), connect()
    first.send(Hello(seq=1, epoch=1, name="n"))
    first.received()
    second.send(Hello(seq=1, epoch=1, name="n"))
    assert first.sock.recv(10) == b""
    second.received()
    server.emit(FirstKeyFrame(leg="a"))
    assert second.received() == [FirstKeyFrame(leg="a")]


def test_an_older_control_process_is_refused_and_cut(setting: Setting) -> None:
    server, connect = setting
    current, stale = connect(), connect()
    current.send(Hello(seq=1, epoch=2, name="n"))
    stale.send(Hello(seq=1, epoch=1, name="n"))
    (reply,) = stale.received()
    assert isinstance(reply, Reply) and reply.error is not None and reply.error.code == "stale_epoch"
    assert stale.sock.recv(10) == b""
    assert server.adopted


def test_hello_again_on_the_same_connection_keeps_it(setting: Setting) -> None:
    _, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"), Hello(seq=2, epoch=3, name="n"))
    assert [r.ok for r in control.received() if isinstance(r, Reply)] == [True, True]


def test_without_control_process_the_worker_is_orphaned_after_a_while(setting: Setting, now: list[float]) -> None:
    server, connect = setting
    now[0] = 129.0
    assert not server.orphaned()
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"))
    now[0] = 500.0
    assert not server.orphaned()
    control.sock.close()
    control.turn()
    assert not server.orphaned() and not server.adopted
    now[0] = 530.0
    assert server.orphaned()
    server.emit(FirstKeyFrame(leg="a"))


@pytest.mark.parametrize("rubbish", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", encode(Reply(seq=1, ok=True))])
def test_rubbish_ends_its_connection_only(setting: Setting, rubbish: bytes) -> None:
    _, connect = setting
    good, bad = connect(), connect()
    good.send(Hello(seq=1, epoch=1, name="n"))
    good.received()
    bad.sock.sendall(rubbish)
    bad.turn()
    assert bad.sock.recv(10) == b""
    good.send(Stats(seq=2))
    assert good.received() == [Reply(seq=2, ok=True, value=Opened(2))]


def test_connections_are_bounded(setting: Setting) -> None:
    _, connect = setting
    many = [connect() for _ in range(9)]
    many[-1].turn()
    assert many[-1].sock.recv(10) == b""


def test_what_the_socket_does_not_take_is_kept_and_sent_later(setting: Setting) -> None:
    server, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"))
    control.received()
    for n in range(20_000):
        server.emit(FirstKeyFrame(leg=f"leg {n}"))
    seen: list[AnyMessage] = []
    while len(seen) < 20_000:
        seen += control.received()
        control.turn()
    assert seen[-1] == FirstKeyFrame(leg="leg 19999")


def test_a_control_process_that_does_not_read_is_cut_off(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_MAX_UNSENT", 10_000)
    server, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"))
    while server.adopted:
        server.emit(FirstKeyFrame(leg="x" * 1000))


def test_a_control_process_that_vanishes_while_we_write_is_noticed(setting: Setting) -> None:
    server, connect = setting
    control = connect()
    control.send(Hello(seq=1, epoch=1, name="n"))
    control.sock.close()
    server.emit(FirstKeyFrame(leg="x"))
    assert not server.adopted


def test_a_second_worker_is_refused(setting: Setting, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="another worker owns"):
        start(str(tmp_path / "w.sock"), MediaLoop())


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "w.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    loop = MediaLoop()
    server = start(path, loop)
    Control(loop, path).sock.close()
    os.unlink(path)
    server.close()
    loop.close()


def test_a_path_that_cannot_be_bound_is_an_error(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 90) / ("e" * 90)
    directory.mkdir(parents=True)
    loop = MediaLoop()
    with pytest.raises(OSError):
        start(str(directory / "w.sock"), loop)
    loop.close()


def start(path: str, loop: MediaLoop) -> ControlServer:
    try:
        return ControlServer(
            path,
            kind="relay",
            name="w",
            reactor=loop,
            handle=lambda command, answer: answer(None),
            held=list,
            clock=lambda: 0.0,
        )
    except LocalError:
        loop.close()
        raise
