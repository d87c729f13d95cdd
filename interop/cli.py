"""`gbsim`: the simulators from the command line. Each event is one line of JSON on standard output."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal, cast, get_args

import typer

from interop.device import Channel, DeviceSettings, PictureSettings, Refused, SimulatedDevice
from interop.onvif.command import onvif
from interop.rtsp import Fault, RtspCamera, RtspSettings, Stream
from interop.rtsp.settings import Auth, Sound
from interop.telling import tell
from sip import RemoteError
from sip.manscdp import Charset, Edition

app = typer.Typer(help="GB/T 28181, RTSP and ONVIF simulators.", no_args_is_help=True, add_completion=False)


class Codec(StrEnum):
    """Video codecs a device can film in."""

    H264 = "h264"
    H265 = "h265"


class SipTransport(StrEnum):
    """How a device speaks SIP."""

    UDP = "udp"
    TCP = "tcp"


class Standard(StrEnum):
    """Editions of GB/T 28181."""

    V2016 = "2016"
    V2022 = "2022"


class MediaTransport(StrEnum):
    """How a camera carries RTP."""

    BOTH = "both"
    TCP = "tcp"
    UDP = "udp"


def _code(text: str) -> str:
    if not re.fullmatch(r"[0-9]{20}", text):
        raise typer.BadParameter(f"a code has 20 digits, this has {len(text)} characters: {text}")
    return text


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise typer.BadParameter(f"an address is HOST:PORT, such as 192.168.1.10:5060, not {text!r}")
    return text


def _size(text: str) -> str:
    found = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", text)
    if found is None or int(found[1]) % 2 or int(found[2]) % 2:
        raise typer.BadParameter(f"a size is WIDTHxHEIGHT in even numbers, such as 1280x720, not {text!r}")
    return text


def _path(text: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)+", text, re.ASCII):
        raise typer.BadParameter(f"a path begins with a slash, such as /live, not {text!r}")
    return text


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise typer.BadParameter(f"one of {', '.join(filter(None, words))}, not {text!r}")
        return text

    return parse


def picture_of(codec: Codec, size: str, fps: int, gop: int, kbps: int) -> PictureSettings:
    """What is encoded, from the options that say so."""
    width, _, height = size.partition("x")
    name: Literal["H264", "H265"] = "H265" if codec is Codec.H265 else "H264"
    return PictureSettings(name, int(width), int(height), fps, gop, kbps * 1000)


@app.callback()
def root() -> None:
    """GB/T 28181 and ONVIF simulators: each behaves like real equipment, over the network only."""


@app.command()
def device(
    id: Annotated[str, typer.Option(help="20-digit code of the device", metavar="CODE", callback=_code)],
    server: Annotated[str, typer.Option(help="Where the platform speaks SIP", metavar="HOST:PORT", callback=_address)],
    server_id: Annotated[str, typer.Option(help="20-digit code of the platform", metavar="CODE", callback=_code)],
    password: Annotated[
        str, typer.Option(help="Password of the registration", metavar="TEXT", envvar="GBSIM_PASSWORD")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the device, drawn into the picture", metavar="TEXT")] = "gbsim",
    channels: Annotated[int, typer.Option(min=1, max=9999, help="How many cameras the device has")] = 1,
    codec: Annotated[Codec, typer.Option(help="How the picture is encoded")] = Codec.H264,
    transport: Annotated[SipTransport, typer.Option(help="Transport of the signalling")] = SipTransport.UDP,
    host: Annotated[str, typer.Option(help="IP address the device uses", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="SIP port of the device; 0 takes a free one")] = 0,
    size: Annotated[str, typer.Option(help="Size of the picture", metavar="WIDTHxHEIGHT", callback=_size)] = "640x360",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Pictures per second")] = 15,
    gop: Annotated[int, typer.Option(min=1, max=600, help="Pictures from one key frame to the next")] = 30,
    kbps: Annotated[int, typer.Option(min=16, max=100_000, help="Bit rate of the video in kbit/s")] = 600,
    edition: Annotated[Standard, typer.Option(help="Edition of GB/T 28181 it follows")] = Standard.V2016,
    charset: Annotated[Charset, typer.Option(help="Character set of its XML")] = Charset.GB2312,
    keepalive: Annotated[float, typer.Option(min=0.1, help="Seconds between keepalives")] = 60.0,
    retry: Annotated[float, typer.Option(min=0.1, help="Seconds between attempts at an absent platform")] = 5.0,
    encoders: Annotated[int, typer.Option(min=1, max=64, help="Most channels encoded at once")] = 2,
) -> None:
    """A camera, or an NVR with several channels, that registers and streams a moving test picture when called.

    It keeps trying while the platform is away. Status 1: the registration was refused; 0: ended by Ctrl-C or SIGTERM.
    """
    server_host, _, server_port = server.rpartition(":")
    settings = DeviceSettings(
        id=id,
        server_id=server_id,
        server_host=server_host,
        server_port=int(server_port),
        password=password,
        name=name,
        transport=transport.name,
        host=host,
        port=port,
        channels=channels_of(id, channels),
        charset=charset,
        edition=Edition(int(edition.value)),
        keepalive_s=keepalive,
        retry_s=retry,
        picture=picture_of(codec, size, fps, gop, kbps),
        max_encoders=encoders,
    )
    raise typer.Exit(asyncio.run(run_device(settings)))


@app.command()
def rtsp(
    host: Annotated[str, typer.Option(help="IP address the camera uses", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="RTSP port; 0 takes a free one")] = 8554,
    path: Annotated[str, typer.Option(help="Path of the stream", metavar="PATH", callback=_path)] = "/live",
    name: Annotated[str, typer.Option(help="Name of the camera, drawn into the picture", metavar="TEXT")] = "gbsim",
    user: Annotated[str, typer.Option(help="User it asks for; without one it asks nobody", metavar="TEXT")] = "",
    password: Annotated[str, typer.Option(help="Password it asks for", metavar="TEXT", envvar="GBSIM_PASSWORD")] = "",
    auth: Annotated[
        str, typer.Option(help="How it asks: basic, digest or digest-sha256", callback=_one_of(get_args(Auth)[1:]))
    ] = "digest",
    codec: Annotated[Codec, typer.Option(help="How the picture is encoded")] = Codec.H264,
    sound: Annotated[
        str, typer.Option(help="How the sound is encoded: PCMA or AAC; none without", callback=_one_of(get_args(Sound)))
    ] = "",
    transport: Annotated[MediaTransport, typer.Option(help="Transports of the media")] = MediaTransport.BOTH,
    size: Annotated[str, typer.Option(help="Size of the picture", metavar="WIDTHxHEIGHT", callback=_size)] = "640x360",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Pictures per second")] = 15,
    gop: Annotated[int, typer.Option(min=1, max=600, help="Pictures from one key frame to the next")] = 30,
    kbps: Annotated[int, typer.Option(min=16, max=100_000, help="Bit rate of the video in kbit/s")] = 600,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds of silence after which a session ends")] = 60.0,
    fault: Annotated[Fault, typer.Option(help="What the camera does wrong")] = Fault.NONE,
    fault_after: Annotated[float, typer.Option(min=0, help="Seconds of video before it stops or closes")] = 3.0,
) -> None:
    """A camera that speaks RTSP only and streams a moving test picture to whoever plays it.

    Status 1: it cannot listen there; 0: ended by Ctrl-C or SIGTERM.
    """
    both = frozenset({"TCP", "UDP"})
    settings = RtspSettings(
        host=host,
        port=port,
        name=name,
        streams=(Stream(path, picture_of(codec, size, fps, gop, kbps), cast(Sound, sound)),),
        username=user,
        password=password,
        auth=cast(Auth, auth),
        transports=both if transport is MediaTransport.BOTH else frozenset({transport.name}),
        timeout_s=timeout,
        fault=fault,
        fault_after_s=fault_after,
    )
    raise typer.Exit(asyncio.run(run_rtsp(settings)))


async def run_rtsp(settings: RtspSettings) -> int:
    """Run an RTSP camera until SIGINT or SIGTERM; the exit status."""
    ended = _signalled()
    try:
        async with RtspCamera(settings, tell):
            await ended.wait()
        return 0
    except OSError as error:
        tell("not listening", {"problem": str(error)})
        return 1


def _signalled() -> asyncio.Event:
    """Set at SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended


app.command()(onvif)


def channels_of(device_id: str, count: int) -> tuple[Channel, ...]:
    """Channel codes of type 131 beside the device's own code, numbered from one hundred times its serial number."""
    prefix, serial = device_id[:10], int(device_id[14:])
    return tuple(
        Channel(f"{prefix}131{device_id[13]}{(serial * 100 + number) % 1_000_000:06d}", f"通道{number}")
        for number in range(1, count + 1)
    )


async def run_device(settings: DeviceSettings) -> int:
    """Run a device until SIGINT or SIGTERM; the exit status."""
    simulated = SimulatedDevice(settings, tell)
    loop = asyncio.get_running_loop()
    starting, waiting = loop.create_task(simulated.start(persist=True)), loop.create_task(_signalled().wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await waiting
        return 0
    except (Refused, RemoteError, OSError) as error:
        tell("not registered", {"problem": str(error)})
        return 1
    finally:
        for task in (starting, waiting):
            task.cancel()
        await asyncio.gather(starting, waiting, return_exceptions=True)
        await simulated.stop()


def main() -> None:
    """The console script."""
    app()
