"""Pictures an ONVIF camera takes itself (GetSnapshotUri, ONVIF Media 5.14): no stream has to run for them."""

from __future__ import annotations

import structlog

from gateway.compliance.grant import Grant
from gateway.errors import Failure, LocalError
from gateway.onvif.camera_http import HttpTrouble
from gateway.onvif.cameras import OnvifCameras
from gateway.relay.hub import StreamKey
from media.worker.control import SnapshotTaken

log = structlog.get_logger("onvif")

MAX_BYTES = 8 * 1024 * 1024
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers whose segment holds the size of the picture (ITU-T T.81 B.1.1.3)."""


class Snapshots:
    """Fetches pictures of the cameras that have them."""

    def __init__(self, cameras: OnvifCameras) -> None:
        self._cameras = cameras

    async def take(self, key: StreamKey, grant: Grant) -> SnapshotTaken | None:
        """One picture of a channel under a grant; None when it is no ONVIF camera, or this one gives none: then there
        is the stream. LocalError: the grant is for something else."""
        if StreamKey.granted(grant) != key:
            raise LocalError(f"a grant for {grant.peer_id}/{grant.code} does not open {key}")
        camera = self._cameras.get(key.peer_id)
        if camera is None:
            return None
        try:
            url = camera.facts.snapshots.get(camera.source(key.code).token)
            if url is None:
                return None
            client = camera.client
            answer = await client.http.get(url, client.login, verify=client.verifies, max_bytes=MAX_BYTES)
        except (HttpTrouble, Failure) as error:
            log.info("no picture from the camera itself", channel=str(key), problem=str(error))
            return None
        size = jpeg_size(answer.body) if answer.status == 200 else None
        if size is None:
            log.info("no picture from the camera itself", channel=str(key), problem=f"HTTP {answer.status}, no JPEG")
            return None
        return SnapshotTaken(jpeg=answer.body, width=size[0], height=size[1], codec="JPEG", pts=0)


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG; None when it is none, or not whole."""
    if data[:2] != b"\xff\xd8" or b"\xff\xd9" not in data[-64:]:
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _START_OF_FRAME:
            height, width = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
            return (width, height) if width and height else None
        if marker == 0xDA or length < 2:
            return None
        at += 2 + length
    return None
