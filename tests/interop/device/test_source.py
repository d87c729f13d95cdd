"""When a channel's encoder runs, and who gets which frame."""

from __future__ import annotations

import asyncio
import threading

from interop.device.picture import PictureSettings
from interop.device.source import MAX_IN_FLIGHT, Frame, LiveSource

FAST = PictureSettings(width=64, height=48, fps=60, gop=600, bitrate=64_000)


class Listener:
    """Keeps frames and lets one wait for them."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._more = asyncio.Event()

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._more.set()

    async def until(self, count: int) -> list[Frame]:
        async with asyncio.timeout(15):
            while len(self.frames) < count:
                self._more.clear()
                await self._more.wait()
        return self.frames


def _encoders() -> int:
    return sum(1 for thread in threading.enumerate() if thread.name == "encoder one")


async def test_it_encodes_only_while_somebody_listens() -> None:
    source, listener = LiveSource(FAST, "one"), Listener()
    assert not source.encoding
    leave = source.subscribe(listener)
    await listener.until(3)
    assert source.encoding
    assert _encoders() == 1
    leave()
    leave()
    assert not source.encoding
    await source.close()
    had = len(listener.frames)
    assert _encoders() == 0
    await asyncio.sleep(0)
    assert len(listener.frames) == had


async def test_audio_accompanies_every_picture_and_adds_up() -> None:
    source, listener = LiveSource(FAST, "one"), Listener()
    source.subscribe(listener)
    frames = (await listener.until(6))[:6]
    await source.close()
    assert [unit.pts for unit, _ in frames] == [number * 1500 for number in range(6)]
    assert [[len(one.data) for one in audio] for _, audio in frames] == [[133], [133], [134], [133], [133], [134]]


async def test_without_audio_there_is_none() -> None:
    source, listener = LiveSource(PictureSettings(width=64, height=48, fps=60, audio=False), "one"), Listener()
    source.subscribe(listener)
    assert all(audio == [] for _, audio in await listener.until(2))
    await source.close()


async def test_all_listeners_share_one_encoder_and_begin_with_a_key_frame() -> None:
    source, first, second = LiveSource(FAST, "one"), Listener(), Listener()
    source.subscribe(first)
    await first.until(5)
    leave = source.subscribe(second)
    await second.until(3)
    assert _encoders() == 1
    assert second.frames[0][0].key
    at = next(n for n, (unit, _) in enumerate(first.frames) if unit.pts == second.frames[0][0].pts)
    assert [unit.data for unit, _ in first.frames[at : at + 3]] == [unit.data for unit, _ in second.frames[:3]]
    leave()
    assert source.encoding
    await source.close()


async def test_a_key_frame_comes_when_asked_for() -> None:
    source, listener = LiveSource(FAST, "one"), Listener()
    source.subscribe(listener)
    await listener.until(4)
    assert [unit.key for unit, _ in listener.frames].count(True) == 1
    had = len(listener.frames)
    source.want_key_frame()
    await listener.until(had + 4)
    assert [unit.key for unit, _ in listener.frames].count(True) == 2
    await source.close()


async def test_it_can_start_again_while_the_former_encoder_ends() -> None:
    source, listener, again = LiveSource(FAST, "one"), Listener(), Listener()
    source.subscribe(listener)()
    source.subscribe(again)
    frames = await again.until(3)
    assert frames[0][0].key
    assert [unit.pts for unit, _ in frames[:3]] == [0, 1500, 3000]
    await source.close()


async def test_frames_do_not_pile_up_before_a_late_loop() -> None:
    source, listener = LiveSource(FAST, "one"), Listener()
    source.subscribe(listener)
    while not source.dropped:
        threading.Event().wait(0.01)  # the loop is held up: nothing is handed out meanwhile
    frames = await listener.until(MAX_IN_FLIGHT + 2)
    await source.close()
    times = [unit.pts for unit, _ in frames]
    gap = next(n for n in range(1, len(times)) if times[n] - times[n - 1] != 1500)
    assert gap >= MAX_IN_FLIGHT
    assert frames[gap][0].key


def test_an_encoder_whose_loop_is_gone_ends() -> None:
    source = LiveSource(FAST, "one")

    async def begin() -> None:
        source.subscribe(Listener())

    asyncio.run(begin())
    for thread in threading.enumerate():
        if thread.name == "encoder one":
            thread.join(10)
    assert _encoders() == 0
