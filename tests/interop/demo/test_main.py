"""The demonstration as a command: its directory, its exit status, its interruption."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from interop.demo.__main__ import MARK, empty_directory, main, perform
from interop.demo.screen import Screen
from interop.demo.story import StepFailed, Story


class Staged(Story):
    """A story whose steps are one coroutine of the test."""

    stopped = False

    def stage(self, fails: str = "", lasts: bool = False, handing: str = "gives") -> Staged:
        self.fails, self.lasts, self.handing = fails, lasts, handing
        self.nodes["region"].directory.mkdir(parents=True)
        self.nodes["region"].log_file.touch()
        return self

    async def run(self) -> None:
        if self.lasts:
            await asyncio.Event().wait()
        if self.fails:
            raise StepFailed(self.fails)

    async def hand_over(self) -> str:
        if self.handing == "lasts":
            await asyncio.Event().wait()
        if self.handing == "fails":
            raise RuntimeError("no code")
        return "ABCDE-FGHJK-LMNPQ-RSTUV"

    async def stop(self) -> None:
        self.stopped = True


async def test_all_worked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Staged(tmp_path, Screen()).stage()
    assert await perform(story, once=True) == 0
    assert story.stopped
    assert "Everything worked." in capsys.readouterr().out


async def test_a_failed_step_ends_it_with_1_and_names_the_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Staged(tmp_path, Screen()).stage(fails="connecting the cameras: 401")
    assert await perform(story, once=True) == 1
    assert story.stopped
    said = capsys.readouterr().out
    assert "Failed: connecting the cameras: 401" in said
    assert f"log: {tmp_path / 'nodes' / 'region' / 'gbgateway.log'}" in said


async def test_an_interrupted_run_stops_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Staged(tmp_path, Screen()).stage(lasts=True)
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    assert await perform(story, once=False) == 130
    assert story.stopped
    assert "Interrupted." in capsys.readouterr().out


async def test_it_stays_up_until_it_is_told_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Staged(tmp_path, Screen()).stage()
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    assert await perform(story, once=False) == 0
    assert story.stopped
    said = capsys.readouterr().out
    region = story.nodes["region"]
    assert f"  Open         {region.api}\n" in said and "  Set-up code  ABCDE-FGHJK-LMNPQ-RSTUV\n" in said
    assert "Ctrl-C" in said and region.password not in said


async def test_a_code_that_was_replaced_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = Staged(tmp_path, Screen()).stage()
    running = asyncio.create_task(perform(story, once=False))
    said, region = "", story.nodes["region"]
    async with asyncio.timeout(20):
        while "Ctrl-C" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
        region.setup_code = "ZZZZZ-YYYYY-XXXXX-WWWWW"
        region._code_known.set()
        while "code is ZZZZZ-YYYYY-XXXXX-WWWWW now" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
        os.kill(os.getpid(), signal.SIGINT)
        assert await running == 0


async def test_once_nothing_is_handed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await perform(Staged(tmp_path, Screen()).stage(handing="fails"), once=True) == 0
    assert "Set-up" not in capsys.readouterr().out


async def test_a_region_that_cannot_be_handed_over_ends_it_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = Staged(tmp_path, Screen()).stage(handing="fails")
    assert await perform(story, once=False) == 1
    assert story.stopped and "no code" in capsys.readouterr().out


async def test_an_interruption_while_handing_over_ends_it(tmp_path: Path) -> None:
    story = Staged(tmp_path, Screen()).stage(handing="lasts")
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    assert await perform(story, once=False) == 0
    assert story.stopped


def test_only_its_own_directory_is_emptied(tmp_path: Path) -> None:
    made = tmp_path / "new" / "output"
    empty_directory(made)
    (made / "region-live.mp4").touch()
    empty_directory(made)
    assert [path.name for path in made.iterdir()] == [MARK]
    (tmp_path / "empty").mkdir()
    empty_directory(tmp_path / "empty")
    with pytest.raises(FileExistsError, match="files of others"):
        empty_directory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        empty_directory(tmp_path / "file")


def test_a_foreign_directory_is_refused_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    assert main(["--once", "--output", str(tmp_path)]) == 2
    assert (tmp_path / "letter.txt").read_text() == "mine"
    assert "choose an empty directory" in capsys.readouterr().out


def test_a_node_that_does_not_start_ends_it_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("interop.demo.story.CITY", "54")  # no code a node accepts
    assert main(["--once", "--output", str(tmp_path / "out"), "--seconds", "1"]) == 1
    said = capsys.readouterr().out
    assert "Failed: starting four nodes" in said
    assert "city/gbgateway.log" in said.replace("\n", "")
