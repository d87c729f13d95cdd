from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from gateway import run
from gateway.config import Config


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def configured(directory: Path) -> Config:
    """A node on 127.0.0.1 with ports of its own."""
    base = Config()
    return replace(
        base,
        node=replace(base.node, data_dir=directory),
        sip=replace(base.sip, host="127.0.0.1", port=0),
        http=replace(base.http, port=0),
        media=replace(base.media, host="127.0.0.1", stream_workers=0, http_port=0),
        log=replace(base.log, level="error"),
    )


@pytest.mark.parametrize("number", run.STOP_SIGNALS)
async def test_a_node_runs_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    started = asyncio.Event()
    codes: list[str] = []

    def announce(code: str) -> None:
        codes.append(code)
        started.set()

    serving = asyncio.create_task(run.serve(configured(tmp_path), announce=announce))
    await asyncio.wait_for(started.wait(), 60)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(serving, 60)
    assert len(codes) == 1


def test_the_set_up_code_is_shown_and_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    run.announce_setup_code("ABCDE-FGHJK")
    captured = capsys.readouterr()
    assert "ABCDE-FGHJK" in captured.out and captured.err == ""


def test_a_node_that_cannot_start_says_why(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(OSError):
        run.run(configured(blocked))
