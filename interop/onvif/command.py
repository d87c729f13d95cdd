"""`gbsim onvif`: a camera from the command line."""

from __future__ import annotations

import asyncio
import re
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from interop.onvif import misbehaviour
from interop.onvif.camera import OnvifCamera
from interop.onvif.discovery import DiscoverySettings
from interop.onvif.received import Received
from interop.onvif.settings import CameraSettings, Encoding, Profile, VideoSource
from interop.telling import tell


class VideoCodec(StrEnum):
    """What a profile says its stream is encoded in."""

    H264 = "h264"
    H265 = "h265"
    JPEG = "jpeg"


_ENCODINGS: dict[VideoCodec, Encoding] = {
    VideoCodec.H264: "H264",
    VideoCodec.H265: "H265",
    VideoCodec.JPEG: "JPEG",
}


def _size(text: str) -> str:
    if re.fullmatch(r"[0-9]{2,4}x[0-9]{2,4}", text) is None:
        raise typer.BadParameter(f"a size is WIDTHxHEIGHT, such as 1920x1080, not {text!r}")
    return text


def _uris(given: list[str]) -> list[str]:
    for uri in given:
        if urlsplit(uri).scheme not in ("rtsp", "rtsps") or not urlsplit(uri).hostname:
            raise typer.BadParameter(f"a stream is rtsp://HOST[:PORT]/PATH, not {uri!r}")
    return given


def _misbehaviours(given: list[str]) -> list[str]:
    for one in given:
        operation, equals, how = one.partition("=")
        try:
            misbehaviour.parse(how)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        if not (operation and equals):
            raise typer.BadParameter(f"it is OPERATION=HOW, such as GetStreamUri=silent, not {one!r}")
    return given


def onvif(
    rtsp_uri: Annotated[
        list[str], typer.Option(help="Where a stream is; each one given is a profile", metavar="URI", callback=_uris)
    ],
    username: Annotated[
        str, typer.Option(help="Name of the user; an empty one lets everybody in", metavar="TEXT")
    ] = "admin",
    password: Annotated[str, typer.Option(help="Password of the user", metavar="TEXT", envvar="GBSIM_PASSWORD")] = "",
    name: Annotated[str, typer.Option(help="Name of the camera", metavar="TEXT")] = "gbsim",
    serial: Annotated[str, typer.Option(help="Serial number; discovery knows the camera by it", metavar="TEXT")] = "1",
    host: Annotated[str, typer.Option(help="IP address the camera uses", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="HTTP port; 0 takes a free one")] = 0,
    codec: Annotated[VideoCodec, typer.Option(help="How the streams are encoded")] = VideoCodec.H264,
    size: Annotated[
        str, typer.Option(help="Size of the picture", metavar="WIDTHxHEIGHT", callback=_size)
    ] = "1920x1080",
    fps: Annotated[float, typer.Option(min=1, max=120, help="Pictures per second")] = 25.0,
    ptz: Annotated[bool, typer.Option(help="Whether it can be moved")] = True,
    imaging: Annotated[bool, typer.Option(help="Whether picture and focus can be set")] = True,
    events: Annotated[bool, typer.Option(help="Whether it has events")] = True,
    media2: Annotated[bool, typer.Option(help="Whether it speaks Media2, which H.265 needs")] = True,
    http_digest: Annotated[bool, typer.Option(help="Log in by HTTP digest, not by WS-Security")] = False,
    clock_offset: Annotated[float, typer.Option(help="Seconds its clock is ahead of ours")] = 0.0,
    strict_clock: Annotated[bool, typer.Option(help="Refuse logins made at another time by its clock")] = False,
    stream_host: Annotated[
        str, typer.Option(help="Host it names in stream addresses, as behind NAT", metavar="HOST")
    ] = "",
    snapshot: Annotated[
        Path | None, typer.Option(help="JPEG file it serves as snapshot", exists=True, dir_okay=False)
    ] = None,
    discovery: Annotated[bool, typer.Option(help="Answer searches by WS-Discovery")] = True,
    motion_every: Annotated[
        float, typer.Option(min=0, help="Seconds from one beginning or end of motion to the next; 0 for none")
    ] = 0.0,
    misbehave: Annotated[
        list[str],
        typer.Option(
            help="Answer an operation badly: silent, slow:SECONDS, garbage, fault:Subcode or oversized",
            metavar="OPERATION=HOW",
            callback=_misbehaviours,
        ),
    ] = [],  # noqa: B006
) -> None:
    """An ONVIF camera whose streams are elsewhere: profiles, PTZ, imaging, events, snapshot, discovery.

    Status 1: its port is taken; 0: ended by Ctrl-C or SIGTERM.
    """
    width, _, height = size.partition("x")
    profiles = tuple(
        Profile(f"profile_{number}", f"profile {number}", _ENCODINGS[codec], int(width), int(height), fps, uri)
        for number, uri in enumerate(rtsp_uri, 1)
    )
    settings = CameraSettings(
        host=host,
        port=port,
        username=username,
        password=password,
        name=name,
        serial=serial,
        sources=(VideoSource("source_1", profiles, ptz=ptz, imaging=imaging),),
        snapshot=snapshot.read_bytes() if snapshot is not None else None,
        events=events,
        media2=media2,
        http_digest=http_digest,
        clock_offset_s=clock_offset,
        strict_clock=strict_clock,
        stream_uri_host=stream_host,
        misbehaviour=dict(one.split("=", 1) for one in misbehave),
    )
    found = DiscoverySettings(host=host) if discovery else None
    raise typer.Exit(asyncio.run(run_camera(settings, found, motion_every)))


async def run_camera(settings: CameraSettings, discovery: DiscoverySettings | None, motion_every_s: float) -> int:
    """Run a camera until SIGINT or SIGTERM; the exit status."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    camera = OnvifCamera(settings, discovery=discovery, on_received=_tell_received)
    try:
        await camera.start()
    except OSError as error:
        tell("not started", {"problem": str(error)})
        return 1
    try:
        tell("listening", {"address": camera.address, "discovery_port": camera.discovery_port})
        await _move_until(ended, camera, motion_every_s)
        return 0
    finally:
        await camera.stop()


async def _move_until(ended: asyncio.Event, camera: OnvifCamera, every_s: float) -> None:
    """Something moves before the camera, stands still, moves again, until the end."""
    moves = False
    while not ended.is_set():
        try:
            async with asyncio.timeout(every_s or None):
                await ended.wait()
        except TimeoutError:
            moves = not moves
            camera.motion(moves)
            tell("motion", {"moves": moves})


def _tell_received(received: Received) -> None:
    facts = {"service": received.service, "token": received.token, "arguments": received.arguments}
    tell(received.operation, facts)
