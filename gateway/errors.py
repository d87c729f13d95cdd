"""Why something failed, said once: one table from a reason to every place that has to say it.

``Reason`` names the step that failed; ``TABLE`` gives for each reason the SIP status and reason phrase (SIP reason
phrases stay ASCII), the HTTP status, the words for a person in English and Chinese, and a hint. The metric label is the
reason's own value. ``Failure`` carries a reason and its particulars; the signalling code, the API, the console and the
log all read their words from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Reason(StrEnum):
    """The step that failed. The value is the metric label and the ``step`` of the API."""

    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    NO_PACKET = "no_packet"
    FOREIGN_SOURCE = "foreign_source"
    OTHER_SSRC = "other_ssrc"
    NO_PS_START = "no_ps_start"
    NO_KEY_FRAME = "no_key_frame"
    CODEC_UNPLAYABLE = "codec_unplayable"
    CONNECT_FAILED = "connect_failed"
    CONNECTION_LOST = "connection_lost"
    MEDIA_UNREACHABLE = "media_unreachable"
    STREAM_LOST = "stream_lost"
    PEER_ENDED = "peer_ended"
    RTSP_REFUSED_CONNECTION = "rtsp_refused_connection"
    RTSP_UNREACHABLE = "rtsp_unreachable"
    RTSP_NO_ANSWER = "rtsp_no_answer"
    RTSP_REFUSED_PASSWORD = "rtsp_refused_password"
    RTSP_NO_SUCH_PATH = "rtsp_no_such_path"
    RTSP_REFUSED = "rtsp_refused"
    RTSP_NO_VIDEO = "rtsp_no_video"
    RTSP_CODEC_NOT_CARRIED = "rtsp_codec_not_carried"
    RTSP_BAD_STREAM = "rtsp_bad_stream"
    RTSP_ENDED = "rtsp_ended"
    RTSP_STALLED = "rtsp_stalled"
    ONVIF_UNREACHABLE = "onvif_unreachable"
    ONVIF_REFUSED = "onvif_refused"
    ONVIF_FAULT = "onvif_fault"
    ONVIF_NOT_A_SERVICE = "onvif_not_a_service"
    ONVIF_NO_PROFILE = "onvif_no_profile"
    ONVIF_UNSUPPORTED = "onvif_unsupported"
    DEVICE_OFFLINE = "device_offline"
    UNKNOWN_CHANNEL = "unknown_channel"
    UNKNOWN_DIALOG = "unknown_dialog"
    FORBIDDEN = "forbidden"
    UNTRUSTED_SOURCE = "untrusted_source"
    BUSY = "busy"
    DEVICE_SESSIONS_USED = "device_sessions_used"
    LOOP = "loop"
    TOO_MANY_HOPS = "too_many_hops"
    NOT_ACCEPTABLE = "not_acceptable"
    UNSUPPORTED = "unsupported"
    BAD_REQUEST = "bad_request"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    SHUTTING_DOWN = "shutting_down"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Words:
    """How one reason is told: status and phrase on the SIP wire, status in the API, and the sentences."""

    sip_status: int
    sip_phrase: str
    http_status: int
    en: str
    zh: str
    hint: str


def _rtsp_words() -> dict[Reason, Words]:
    """Why an RTSP camera gives no stream."""
    r = Reason
    return {
        r.RTSP_REFUSED_CONNECTION: Words(
            480,
            "Camera Refused Connection",
            502,
            "The RTSP camera refused the connection: nothing listens at its port.",
            "RTSP 摄像机拒绝连接：该端口无服务。",
            "Check the port in the device's url (usually 554) and that RTSP is switched on in the camera.",
        ),
        r.RTSP_UNREACHABLE: Words(
            480,
            "Camera Not Reachable",
            504,
            "The RTSP camera cannot be reached.",
            "RTSP 摄像机不可达。",
            "Check the host in the device's url, the network between, and that the camera has power.",
        ),
        r.RTSP_NO_ANSWER: Words(
            480,
            "No Answer From Camera",
            504,
            "The RTSP camera did not answer in time.",
            "RTSP 摄像机未在规定时间内应答。",
            "Check that the port in the device's url is the RTSP port and that no firewall is in between.",
        ),
        r.RTSP_REFUSED_PASSWORD: Words(
            480,
            "Camera Refused Password",
            502,
            "The RTSP camera refused the user name or password.",
            "RTSP 摄像机拒绝了用户名或密码。",
            "Set username and password of the device; some cameras lock an account after a few wrong ones.",
        ),
        r.RTSP_NO_SUCH_PATH: Words(
            480,
            "Camera Has No Such Stream",
            502,
            "The RTSP camera has no stream at this path.",
            "RTSP 摄像机上没有该路径的码流。",
            "Look up the path of the stream in the camera's manual and correct the device's url.",
        ),
        r.RTSP_REFUSED: Words(
            480,
            "Camera Refused Request",
            502,
            "The RTSP camera refused the request.",
            "RTSP 摄像机拒绝了请求。",
            "It may have reached its limit of viewers, or not offer this transport: try the other rtsp_transport.",
        ),
        r.RTSP_NO_VIDEO: Words(
            480,
            "Camera Offers No Video",
            502,
            "The RTSP stream has no video.",
            "RTSP 码流中没有视频。",
            "Check the path in the device's url.",
        ),
        r.RTSP_CODEC_NOT_CARRIED: Words(
            488,
            "Camera Codec Not Carried",
            415,
            "The video codec of the RTSP camera cannot be carried.",
            "RTSP 摄像机的视频编码格式无法转发。",
            "Set the camera to H.264 or H.265.",
        ),
        r.RTSP_BAD_STREAM: Words(
            480,
            "Camera Stream Not Understood",
            502,
            "What the RTSP camera sends is not understood.",
            "无法解析 RTSP 摄像机发送的数据。",
            "Check that the port in the device's url is the RTSP port; try the other rtsp_transport.",
        ),
        r.RTSP_ENDED: Words(
            480,
            "Camera Ended Stream",
            502,
            "The RTSP camera ended the stream.",
            "RTSP 摄像机中断了码流。",
            "It may have restarted, or have reached its limit of viewers.",
        ),
        r.RTSP_STALLED: Words(
            480,
            "Camera Sends Nothing",
            504,
            "The RTSP camera stopped sending.",
            "RTSP 摄像机停止发送数据。",
            "Check the network between; with rtsp_transport udp also the firewall.",
        ),
    }


def _onvif_words() -> dict[Reason, Words]:
    """Why an ONVIF camera does not do what it is asked."""
    r = Reason
    return {
        r.ONVIF_UNREACHABLE: Words(
            480,
            "Camera Not Reachable",
            504,
            "The ONVIF camera cannot be reached.",
            "ONVIF 摄像机不可达。",
            "Check host and port in the device's url, the network between, and that ONVIF is on in the camera.",
        ),
        r.ONVIF_REFUSED: Words(
            480,
            "Camera Refused Password",
            502,
            "The ONVIF camera refused the user name or password.",
            "ONVIF 摄像机拒绝了用户名或密码。",
            "Many cameras have users of their own for ONVIF: make one there. A camera whose clock is wrong may refuse "
            "every login until its time is set.",
        ),
        r.ONVIF_FAULT: Words(
            480,
            "Camera Refused Request",
            502,
            "The ONVIF camera refused the request.",
            "ONVIF 摄像机拒绝了请求。",
            "The words are the camera's own; see its log, or whether the user has the rights of an operator there.",
        ),
        r.ONVIF_NOT_A_SERVICE: Words(
            480,
            "Not An ONVIF Service",
            502,
            "What answers at this address is no ONVIF service.",
            "该地址上的服务不是 ONVIF 服务。",
            "The path is usually /onvif/device_service; the port is that of the camera's web page or one of its own.",
        ),
        r.ONVIF_NO_PROFILE: Words(
            480,
            "Camera Has No Profile",
            502,
            "The ONVIF camera has no media profile that can be carried.",
            "ONVIF 摄像机没有可用的媒体配置（profile）。",
            "Set up a profile with H.264 or H.265 in the camera, or correct the device's profile.",
        ),
        r.ONVIF_UNSUPPORTED: Words(
            415,
            "Not Supported By Camera",
            422,
            "The ONVIF camera does not offer this.",
            "ONVIF 摄像机不支持该操作。",
            "",
        ),
    }


def _table() -> dict[Reason, Words]:
    r = Reason
    return {
        r.NO_ANSWER: Words(
            408,
            "No Answer From Device",
            504,
            "The device did not answer the INVITE (no 100, no 200).",
            "设备未应答点播请求（无 100、无 200）。",
            "Check that the device is reachable from this node and that no firewall blocks its SIP port.",
        ),
        r.REJECTED: Words(
            480,
            "Rejected By Device",
            502,
            "The device rejected the request.",
            "设备拒绝了请求。",
            "The status code is the device's own; look it up in its manual or log.",
        ),
        r.NO_PACKET: Words(
            480,
            "No Media Packet Arrived",
            504,
            "The device accepted the call but no media packet arrived.",
            "设备已接受点播，但没有收到媒体包。",
            "Check media.advertised_host, the media port range in the firewall, and try the other transport (TCP/UDP).",
        ),
        r.FOREIGN_SOURCE: Words(
            480,
            "Media From Another Address",
            504,
            "Media packets arrived, but from an address that is not the device's.",
            "收到媒体包，但来源地址不是该设备的地址。",
            "If the device is behind NAT, allow the tolerance media_source_any for it.",
        ),
        r.OTHER_SSRC: Words(
            480,
            "Media With Another SSRC",
            504,
            "Media packets arrived with an SSRC other than the agreed one.",
            "收到的媒体包 SSRC 与约定不一致。",
            "The device ignores y=; allow the tolerance ssrc_any for it.",
        ),
        r.NO_PS_START: Words(
            480,
            "No PS Start Found",
            504,
            "Media packets arrived, but no MPEG-PS start was found in them.",
            "收到媒体包，但未找到 PS 流起始。",
            "The device may send elementary streams or encrypt its media; set it to PS without encryption.",
        ),
        r.NO_KEY_FRAME: Words(
            480,
            "No Key Frame Arrived",
            504,
            "Media arrives, but no key frame came in time.",
            "媒体流正常到达，但超时未收到关键帧。",
            "Shorten the key frame (I frame) interval of the camera.",
        ),
        r.CODEC_UNPLAYABLE: Words(
            488,
            "Codec Not Playable There",
            415,
            "The codec of this stream cannot be played at this destination.",
            "该码流的编码格式在此终端无法播放。",
            "Use a player that knows the codec, or set the camera to H.264.",
        ),
        r.CONNECT_FAILED: Words(
            480,
            "Media Connection Failed",
            504,
            "The TCP media connection could not be made.",
            "媒体 TCP 连接建立失败。",
            "Check firewalls between the two media addresses, or let the other side connect (active/passive).",
        ),
        r.CONNECTION_LOST: Words(
            480,
            "Media Connection Lost",
            502,
            "The TCP media connection ended and was not made again.",
            "媒体 TCP 连接已断开且未恢复。",
            "The other side closed it without ending the call; see its log, or use UDP between the two.",
        ),
        r.MEDIA_UNREACHABLE: Words(
            480,
            "No Way To Media Address",
            504,
            "Nothing can be sent to the media address of the other side.",
            "无法向对方的媒体地址发送数据。",
            "Check the routes of this node. Behind a NAT the other side has to name the outer address and forward its "
            "media ports, or to connect over TCP itself (setup:active).",
        ),
        r.STREAM_LOST: Words(
            480,
            "Media Stream Lost",
            502,
            "The media stream stopped arriving.",
            "媒体流中断。",
            "Check the network between the device and this node.",
        ),
        r.PEER_ENDED: Words(
            480,
            "Ended By Device",
            502,
            "The device ended the call.",
            "设备主动结束了会话。",
            "The device may have reached its limit of streams.",
        ),
        **_rtsp_words(),
        **_onvif_words(),
        r.DEVICE_OFFLINE: Words(
            480,
            "Device Offline",
            503,
            "The device is offline.",
            "设备离线。",
            "See its last registration and keepalive in the device list.",
        ),
        r.UNKNOWN_CHANNEL: Words(
            404,
            "Unknown Channel",
            404,
            "No such channel.",
            "通道不存在。",
            "Synchronise the catalogue, or check the sharing rule.",
        ),
        r.UNKNOWN_DIALOG: Words(
            481,
            "Call/Transaction Does Not Exist",
            404,
            "No such session.",
            "会话不存在。",
            "The session has ended already.",
        ),
        r.FORBIDDEN: Words(
            403,
            "Forbidden",
            403,
            "Not permitted.",
            "没有权限。",
            "An administrator can change the role or the sharing rule.",
        ),
        r.UNTRUSTED_SOURCE: Words(
            403,
            "Not Registered From This Address",
            403,
            "The request did not come from the address of a live registration.",
            "请求来源地址与有效注册不符。",
            "The device has to register again from its present address.",
        ),
        r.BUSY: Words(
            486,
            "Busy Here",
            503,
            "No capacity is left for another stream.",
            "资源不足，无法建立新的媒体流。",
            "Widen media.port_min/port_max, or raise the limits.",
        ),
        r.DEVICE_SESSIONS_USED: Words(
            486,
            "Device Sessions Used",
            503,
            "The device sends as many streams as it can; this one would be one too many.",
            "设备并发会话数已满，无法再建立新的媒体流。",
            "End a view of another channel of this device, raise the limit on the device, or set its max_sessions.",
        ),
        r.LOOP: Words(
            482,
            "Loop Detected",
            508,
            "The request came back to a platform it had already passed.",
            "检测到级联环路。",
            "Two platforms share the same channels with each other; exclude them in one sharing rule.",
        ),
        r.TOO_MANY_HOPS: Words(
            483,
            "Too Many Hops",
            508,
            "The request passed too many platforms.",
            "级联跳数过多。",
            "Look for a loop between platforms.",
        ),
        r.NOT_ACCEPTABLE: Words(
            488,
            "Not Acceptable Here",
            415,
            "The media description cannot be satisfied.",
            "媒体描述无法满足。",
            "See the offered SDP in the call trace.",
        ),
        r.UNSUPPORTED: Words(
            415,
            "Unsupported Media Type",
            415,
            "This kind of request is not supported.",
            "不支持的请求类型。",
            "",
        ),
        r.BAD_REQUEST: Words(400, "Bad Request", 400, "The request is malformed.", "请求格式错误。", ""),
        r.CANCELLED: Words(
            487,
            "Request Terminated",
            409,
            "The request was cancelled by its sender.",
            "请求已被发起方取消。",
            "",
        ),
        r.EXPIRED: Words(
            480,
            "Viewing Time Over",
            410,
            "The time granted for this view is over.",
            "本次授权观看时间已结束。",
            "Start a new view, or raise access.grant_seconds.",
        ),
        r.TIMEOUT: Words(408, "Request Timeout", 504, "It took too long.", "操作超时。", ""),
        r.WORKER_LOST: Words(
            500,
            "Media Worker Lost",
            503,
            "The media worker of this stream was lost; it is being restarted.",
            "媒体服务进程异常，正在恢复。",
            "Try again in a few seconds.",
        ),
        r.SHUTTING_DOWN: Words(503, "Shutting Down", 503, "This node is shutting down.", "本节点正在停机。", ""),
        r.INTERNAL: Words(
            500,
            "Server Internal Error",
            500,
            "An internal fault; it is in the log.",
            "内部错误，详见日志。",
            "Report it with the log lines of this time.",
        ),
    }


TABLE = MappingProxyType(_table())


class GatewayError(Exception):
    """Base of everything this package raises on purpose."""


class LocalError(GatewayError):
    """This program's own fault: a rule of its construction was broken."""


class Failure(GatewayError):
    """An operation failed at a named step.

    ``code`` is the peer's SIP status when ``reason`` is REJECTED; ``detail`` adds particulars in English (never a
    secret); ``peer_id`` and ``channel`` say whose; ``route_path`` lists the platforms below that refused (X-RoutePath).
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        code: int | None = None,
        peer_id: str | None = None,
        channel: str | None = None,
        detail_zh: str = "",
        route_path: str = "",
    ) -> None:
        self.reason = reason
        self.route_path = route_path
        self.detail = detail
        self.detail_zh = detail_zh
        self.code = code
        self.peer_id = peer_id
        self.channel = channel
        super().__init__(self.message)

    @property
    def words(self) -> Words:
        return TABLE[self.reason]

    @property
    def step(self) -> str:
        """The API's and the metrics' name of the failed step."""
        return self.reason.value

    @property
    def sip_status(self) -> int:
        """The status towards a SIP peer: a rejection is passed on with the device's own final code."""
        if self.reason is Reason.REJECTED and self.code is not None and 400 <= self.code <= 699:
            return self.code if self.code not in (401, 407) else 403
        return self.words.sip_status

    @property
    def sip_phrase(self) -> str:
        """The reason phrase (ASCII, one line) towards a SIP peer."""
        if self.reason is Reason.REJECTED and self.code is not None:
            return f"{self.words.sip_phrase} ({self.code})"
        return self.words.sip_phrase

    @property
    def http_status(self) -> int:
        return self.words.http_status

    @property
    def message(self) -> str:
        return " ".join(part for part in (self.words.en, self._particulars(), self.detail) if part)

    @property
    def message_zh(self) -> str:
        return "".join(part for part in (self.words.zh, self._particulars(), self.detail_zh or self.detail) if part)

    def _particulars(self) -> str:
        return f"[SIP {self.code}]" if self.code is not None else ""

    def to_json(self) -> dict[str, Any]:
        """The body of an API error: ``{error, step, message, message_zh, hint}`` and what is known of whom."""
        body: dict[str, Any] = {
            "error": "failure",
            "step": self.step,
            "message": self.message,
            "message_zh": self.message_zh,
            "hint": self.words.hint,
        }
        named = {"sip_code": self.code, "peer_id": self.peer_id, "channel": self.channel}
        return body | {name: value for name, value in named.items() if value is not None}


class Denied(Failure):
    """Access was refused under a rule; ``clause`` names it (an id of ``gateway.compliance.clauses``)."""

    def __init__(self, detail: str, *, clause: str, detail_zh: str = "", channel: str | None = None) -> None:
        self.clause = clause
        super().__init__(Reason.FORBIDDEN, detail, detail_zh=detail_zh, channel=channel)

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"error": "denied", "clause": self.clause}


class StoreError(GatewayError):
    """A record cannot be stored or found; ``record`` names it."""

    def __init__(self, record: str, message: str) -> None:
        self.record = record
        super().__init__(message)


class NotFound(StoreError):
    """No record of that id."""


class AlreadyExists(StoreError):
    """A record of that id is there already."""


class InUse(StoreError):
    """The record is referred to by another one and cannot be removed."""
