"""A `gbsim` process, watched from outside, at a hand-written platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from interop.demo.simulator import SimulatorProcess
from interop.wire.platform import WirePlatform

PLATFORM, DEVICE, CHANNEL = "34020000002000000001", "34020000001320000001", "34020000001310000101"


def _options(port: int) -> dict[str, str]:
    return {"id": DEVICE, "server": f"127.0.0.1:{port}", "server-id": PLATFORM, "size": "160x96"}


async def test_it_tells_what_happens_and_ends_when_told(tmp_path: Path) -> None:
    async with WirePlatform(PLATFORM, "pw") as up:
        device = SimulatorProcess(_options(up.port.port), "pw", tmp_path / "logs" / "d.log")
        await device.start()
        assert device.code == DEVICE
        assert DEVICE in up.registered
        await up.ptz(CHANNEL, "A50F0101400000F6")
        assert (await device.wait_for("ptz", 10))["command"] == "A50F0101400000F6"
        with pytest.raises(RuntimeError, match="did not say 'streaming'; its last word: .*ptz.*d.log"):
            await device.wait_for("streaming", 0.01)
        await device.stop()
        await device.stop()
        assert up.registered == {}
        assert device.log_file.exists()


async def test_a_refused_device_is_an_error_with_its_last_word(tmp_path: Path) -> None:
    async with WirePlatform(PLATFORM, "another") as up:
        device = SimulatorProcess(_options(up.port.port), "pw", tmp_path / "d.log")
        with pytest.raises(RuntimeError, match="401"):
            await device.start()
        await device.stop()


async def test_a_process_that_says_nothing_sensible(tmp_path: Path) -> None:
    device = SimulatorProcess({"help": ""}, "", tmp_path / "d.log")
    with pytest.raises(RuntimeError, match="its last word: nothing"):
        await device.start()
    await device.stop()


async def test_one_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interop.demo.simulator.STOP_TIMEOUT_S", 0.01)
    async with WirePlatform(PLATFORM, "pw") as up:
        device = SimulatorProcess(_options(up.port.port), "pw", tmp_path / "d.log")
        await device.start()
        up.silent = True  # its last REGISTER waits for an answer
        await device.stop()
        assert device.exit_status == -9


async def test_another_command_is_known_by_its_own_first_word(tmp_path: Path) -> None:
    log = tmp_path / "r.log"
    camera = SimulatorProcess({"port": "0", "size": "64x48"}, "", log, command="rtsp", ready="listening")
    await camera.start()
    assert (await camera.wait_for("listening", 1))["url"].startswith("rtsp://127.0.0.1:")
    await camera.stop()
    assert camera.exit_status == 0
