"""One channel's live source: encodes only while somebody is called, hands every frame to all sessions."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from interop.device.picture import CLOCK_HZ, PictureSettings, TestPicture, ToneEncoder, VideoEncoder
from media import AccessUnit

Frame = tuple[AccessUnit, list[AccessUnit]]
"""A video access unit and the audio that belongs to it."""

Listener = Callable[[Frame], None]


class LiveSource:
    """Encodes in a thread of its own while it has listeners; they are called on the event loop."""

    def __init__(self, settings: PictureSettings, title: str) -> None:
        self.settings = settings
        self._title = title
        self._listeners: list[Listener] = []
        self._key_wanted = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def encoding(self) -> bool:
        return self._thread is not None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hand every frame from now on, beginning with a key frame, to `listener`; the result ends it."""
        self._listeners.append(listener)
        self.want_key_frame()
        if self._thread is None:
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._encode, args=(asyncio.get_running_loop(), self._stop), name=f"encoder {self._title}"
            )
            self._thread.daemon = True
            self._thread.start()
        return lambda: self._unsubscribe(listener)

    def want_key_frame(self) -> None:
        """The next frame is to be a key frame (强制关键帧)."""
        self._key_wanted.set()

    def close(self) -> None:
        self._listeners.clear()
        self._stop.set()
        self._thread = None

    def _unsubscribe(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners:
            self._stop.set()
            self._thread = None

    def _encode(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        settings = self.settings
        picture, encoder = TestPicture(settings, self._title), VideoEncoder(settings)
        tone = ToneEncoder() if settings.audio else None
        began, number = time.monotonic(), 0
        while not stop.is_set():
            key = self._key_wanted.is_set()
            self._key_wanted.clear()
            units = encoder.encode(picture.frame(number, time.time()), number, key=key or number == 0)
            audio = []
            if tone is not None:
                samples = (number + 1) * 8000 // settings.fps - number * 8000 // settings.fps
                audio = [tone.encode(samples, number * CLOCK_HZ // settings.fps)]
            for unit in units:
                try:
                    loop.call_soon_threadsafe(self._hand_out, (unit, audio), stop)
                except RuntimeError:  # the loop is closed: the program is ending
                    return
                audio = []
            number += 1
            stop.wait(max(0.0, began + number / settings.fps - time.monotonic()))

    def _hand_out(self, frame: Frame, stop: threading.Event) -> None:
        if stop.is_set():
            return
        for listener in tuple(self._listeners):
            listener(frame)
