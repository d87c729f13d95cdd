"""What is known of a camera that is called: whether it is there, why not, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.errors import Failure


@dataclass(frozen=True, slots=True)
class CameraDetails:
    """What an ONVIF camera says of itself. `clock_offset_s`: how far its clock is ahead of ours. `warning` and
    `warning_zh`: what an operator should look at though the camera works."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    clock_offset_s: float | None = None
    warning: str = ""
    warning_zh: str = ""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of one camera. ``online`` None: nobody has asked yet. Times are unix seconds."""

    online: bool | None = None
    failure: Failure | None = None
    checked_at: float = 0.0
    video_codec: str | None = None
    audio_codec: str | None = None
    camera: CameraDetails | None = None

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        words = self.failure.to_json() if self.failure is not None else {}
        camera = self.camera
        offset = camera.clock_offset_s if camera is not None else None
        return {
            "state": "unknown" if self.online is None else "online" if self.online else "offline",
            "step": words.get("step", ""),
            "message": words.get("message", ""),
            "message_zh": words.get("message_zh", ""),
            "hint": words.get("hint", ""),
            "checked_at": self.checked_at or None,
            "video_codec": self.video_codec,
            "audio_codec": self.audio_codec,
            "manufacturer": camera.manufacturer if camera is not None else None,
            "model": camera.model if camera is not None else None,
            "firmware": camera.firmware if camera is not None else None,
            "serial": camera.serial if camera is not None else None,
            "clock_offset_s": round(offset, 1) if offset is not None else None,
            "warning": camera.warning if camera is not None else "",
            "warning_zh": camera.warning_zh if camera is not None else "",
        }
