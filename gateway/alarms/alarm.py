"""An alarm (报警, GB/T 28181-2022 9.4): of a camera we call, or told by a peer below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.relay.hub import StreamKey
from sip.gbdate import format_date
from sip.manscdp import AlarmNotify, Edition

DEVICE, VIDEO, OTHER = "2", "5", "7"
"""AlarmMethod (报警方式): the device's own alarm (设备报警), seen in the picture (视频报警), any other (其他报警)."""
ABNORMALITY, OCCLUSION = "11", "13"
"""AlarmType of the picture: 视频异常检测, and 图像遮挡, which the editions before 2022 do not have."""
MAX_TEXT = 256


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm. `at` is when we heard of it, `time` when it was raised as the message says, in its own words;
    `method`, `type` and `priority` as in the standard's tables; `topic` what an ONVIF camera calls it."""

    at: float
    peer_id: str
    code: str
    method: str
    type: str = ""
    priority: str = "4"
    time: str = ""
    description: str = ""
    topic: str = ""

    @property
    def key(self) -> StreamKey:
        return StreamKey(self.peer_id, self.code)

    @property
    def same(self) -> tuple[str, ...]:
        """By what a repetition of the same message is known."""
        return self.peer_id, self.code, self.time, self.method, self.type

    @classmethod
    def told(cls, peer_id: str, message: AlarmNotify, now: float) -> Alarm:
        """The alarm a peer below told of; a text that is missing is empty."""
        return cls(
            at=now,
            peer_id=peer_id,
            code=message.device_id[:32],
            method=message.alarm_method[:8],
            type=(message.alarm_type or "")[:8],
            priority=message.alarm_priority[:1] or "4",
            time=message.alarm_time[:32],
            description=(message.alarm_description or "")[:MAX_TEXT],
        )

    def message(self, sn: int, published: str, edition: Edition = Edition.V2022) -> AlarmNotify:
        """The alarm as it is told above, of a channel by its published code, in the words of that edition."""
        type_ = ABNORMALITY if edition < Edition.V2022 and (self.method, self.type) == (VIDEO, OCCLUSION) else self.type
        return AlarmNotify(
            sn=sn,
            device_id=published,
            alarm_priority=self.priority,
            alarm_method=self.method or OTHER,
            alarm_time=self.time or time_of(self.at),
            alarm_description=self.description or None,
            alarm_type=type_ or None,
        )

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "at": self.at,
            "device_id": self.peer_id,
            "code": self.code,
            "method": self.method,
            "type": self.type,
            "priority": self.priority,
            "time": self.time,
            "description": self.description,
            "topic": self.topic,
        }


def time_of(at: float) -> str:
    """A moment as alarms write it."""
    return format_date(at)
