"""`make demo`: four nodes, two cameras and an NVR, and their pictures three platforms up.

region platform
    ^ city platform
        ^ enterprise gateway <- a camera (H.264, UDP), a camera that speaks RTSP only
        ^ district platform  <- an NVR with 8 channels (H.265, TCP)
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from interop.demo.screen import Screen
from interop.demo.story import RTSP_NAME, StepFailed, Story

MARK = ".gb28181-demo"
"""A directory with this file was made by the demonstration and may be emptied by it."""
INTERRUPTED = 130


def empty_directory(path: Path) -> None:
    """Make the directory, or empty the one an earlier demonstration left. FileExistsError when it is another's."""
    if path.exists() and not (path / MARK).exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} holds files of others; choose an empty directory")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    (path / MARK).touch()


async def perform(story: Story, *, once: bool) -> int:
    """Run the story until it ends, fails or is interrupted; the exit status."""
    screen, interrupted = story.screen, asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    running, waiting = loop.create_task(story.run()), loop.create_task(interrupted.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            screen.plain("Interrupted.")
            return INTERRUPTED
        running.result()
        screen.worked(f"Everything worked. Results are in {story.output}/")
        if not once:
            await invite(story, waiting)
        return 0
    except StepFailed as failure:
        screen.failed(f"Failed: {failure}", story.logs)
        return 1
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        with screen.busy("stopping"):
            await story.stop()


async def invite(story: Story, interrupted: asyncio.Task[object]) -> None:
    """Leave the region to the visitor, and tell how to begin; until the interruption. Raises StepFailed."""
    handing = asyncio.ensure_future(story.step("handing the region over to you", story.hand_over()))
    await asyncio.wait({handing, interrupted}, return_when=asyncio.FIRST_COMPLETED)
    if not handing.done():
        handing.cancel()
        await asyncio.wait({handing})
        return
    region = story.nodes["region"]
    for line in invitation(region.api, handing.result()):
        story.screen.plain(line)
    while not interrupted.done():
        another = asyncio.ensure_future(region.another_code())
        await asyncio.wait({another, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if another.done():
            story.screen.plain(f"After too many wrong tries the set-up code is {another.result()} now.")
        another.cancel()


def invitation(address: str, code: str) -> list[str]:
    """What a visitor does now."""
    return [
        "",
        "Now it is yours: the region platform, in your browser.",
        "",
        f"  Open         {address}",
        f"  Set-up code  {code}",
        "               It works once; choose a name and a password.",
        f"  Then search  {RTSP_NAME}",
        "               Click it for its picture: a camera that speaks RTSP only.",
        "",
        "Everything runs until Ctrl-C.",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m interop.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--once", action="store_true", help="end after the last step instead of staying up")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where results and logs go")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each camera is played")
    options = parser.parse_args(arguments)
    screen = Screen()
    try:
        empty_directory(options.output)
    except OSError as error:
        screen.failed(str(error), [])
        return 2
    return asyncio.run(perform(Story(options.output, screen, play_seconds=options.seconds), once=options.once))


if __name__ == "__main__":
    sys.exit(main())
