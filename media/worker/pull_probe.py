"""Whether an RTSP camera is there and offers what we carry: DESCRIBE over a connection of its own, nothing started."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from media.rtsp.address import RtspAddress
from media.rtsp.describe import DescribeDialogue
from media.worker.control import Probed, ProbeSource
from media.worker.pull_failure import ended_by


async def probe(command: ProbeSource) -> Probed:
    """The outcome, within ``command.timeout_s``. Raises LocalError when the address is none."""
    address = RtspAddress.parse(command.url)
    dialogue = DescribeDialogue(address, command.username, command.password, cnonce=secrets.token_hex(8))
    try:
        async with asyncio.timeout(command.timeout_s):
            await _converse(address, dialogue)
    except OSError as error:  # TimeoutError among them
        ended = ended_by(error, running=False)
        return Probed(reason=ended.reason, detail=ended.detail)
    outcome = dialogue.outcome
    assert outcome is not None
    return Probed(
        reason=outcome.refusal,
        detail=outcome.detail,
        video_codec=outcome.video_codec,
        audio_codec=outcome.audio_codec,
    )


async def _converse(address: RtspAddress, dialogue: DescribeDialogue) -> None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(dialogue.begin())
        while dialogue.outcome is None:
            data = await reader.read(65_536)
            if not data:
                dialogue.closed()
            elif request := dialogue.feed(data):
                writer.write(request)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
