"""One channel's live source: encodes only while somebody is called, hands every frame to all sessions."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from interop.device.picture import CLOCK_HZ, MovingPicture, PictureSettings, ToneEncoder, VideoEncoder
from media import AccessUnit

Frame = tuple[AccessUnit, list[AccessUnit]]
"""A video access unit and the audio that belongs to it."""

Listener = Callable[[Frame], None]


class Tone(Protocol):
    """An encoder of sound."""

    def encode(self, samples: int, pts: int) -> list[AccessUnit]:
        """What `samples` more samples (8 kHz), the first at `pts` (90 kHz), complete."""


MAX_IN_FLIGHT = 30
"""Frames encoded and not yet handed out; while the event loop is that late, further ones are dropped."""


@dataclass(slots=True, eq=False)
class _Viewer:
    listener: Listener
    began: bool = False


class _Run:
    """One life of the encoder's thread."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.room = threading.Semaphore(MAX_IN_FLIGHT)
        self.thread: threading.Thread | None = None


class LiveSource:
    """Encodes in a thread of its own while it has listeners; they are called on the event loop.

    `tone` makes the encoder of the sound, where the settings want any.
    """

    def __init__(self, settings: PictureSettings, title: str, tone: Callable[[], Tone] = ToneEncoder) -> None:
        self.settings = settings
        self._tone = tone
        self.dropped = 0
        self._title = title
        self._viewers: list[_Viewer] = []
        self._key_wanted = threading.Event()
        self._run: _Run | None = None
        self._ending: list[threading.Thread] = []

    @property
    def encoding(self) -> bool:
        """Whether the encoder runs."""
        return self._run is not None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hand every frame from now on, beginning with a key frame, to `listener`; the result ends it."""
        viewer = _Viewer(listener)
        self._viewers.append(viewer)
        self.want_key_frame()
        if self._run is None:
            run = self._run = _Run()
            run.thread = threading.Thread(
                target=self._encode, args=(asyncio.get_running_loop(), run), name=f"encoder {self._title}", daemon=True
            )
            run.thread.start()
        return lambda: self._unsubscribe(viewer)

    def want_key_frame(self) -> None:
        """The next frame is to be a key frame (强制关键帧)."""
        self._key_wanted.set()

    async def close(self) -> None:
        """Drop the listeners and wait for the encoder to end."""
        self._viewers.clear()
        self._end_run()
        for thread in self._ending:
            await asyncio.to_thread(thread.join)
        self._ending.clear()

    def _unsubscribe(self, viewer: _Viewer) -> None:
        if viewer in self._viewers:
            self._viewers.remove(viewer)
        if not self._viewers:
            self._end_run()

    def _end_run(self) -> None:
        run, self._run = self._run, None
        if run is not None and run.thread is not None:
            run.stop.set()
            self._ending = [thread for thread in self._ending if thread.is_alive()] + [run.thread]

    def _encode(self, loop: asyncio.AbstractEventLoop, run: _Run) -> None:
        settings = self.settings
        picture, encoder = MovingPicture(settings, self._title), VideoEncoder(settings)
        tone = self._tone() if settings.audio else None
        began, number, broken = time.monotonic(), 0, False
        while not run.stop.is_set():
            key = self._key_wanted.is_set() or broken or number == 0
            self._key_wanted.clear()
            audio = [] if tone is None else tone.encode(*_audio_of(number, settings.fps))
            for unit in encoder.encode(picture.frame(number, time.time()), number, key=key):
                if broken and not unit.key:
                    continue
                broken = not self._offer(loop, run, (unit, audio))
                audio = []
            number += 1
            run.stop.wait(max(0.0, began + number / settings.fps - time.monotonic()))

    def _offer(self, loop: asyncio.AbstractEventLoop, run: _Run, frame: Frame) -> bool:
        """From the thread: pass a frame to the loop; False when it had to be dropped."""
        if not run.room.acquire(blocking=False):
            self.dropped += 1
            return False
        try:
            loop.call_soon_threadsafe(self._hand_out, frame, run)
        except RuntimeError:  # the loop is closed: the program is ending
            run.stop.set()
        return True

    def _hand_out(self, frame: Frame, run: _Run) -> None:
        run.room.release()
        if run.stop.is_set():
            return
        for viewer in tuple(self._viewers):
            viewer.began = viewer.began or frame[0].key
            if viewer.began:
                viewer.listener(frame)


def _audio_of(number: int, fps: int) -> tuple[int, int]:
    """How many 8 kHz samples belong to picture `number`, and their PTS."""
    return (number + 1) * 8000 // fps - number * 8000 // fps, number * CLOCK_HZ // fps
