"""`gbsim`: the simulators from the command line. Each event is one line of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from typing import Annotated, Any

import typer

from interop.device import Channel, DeviceSettings, PictureSettings, Refused, SimulatedDevice
from sip import RemoteError
from sip.manscdp import Edition

app = typer.Typer(help="GB/T 28181 simulators.", no_args_is_help=True, add_completion=False)


@app.callback()
def root() -> None:
    """GB/T 28181 simulators."""


@app.command()
def device(
    id: Annotated[str, typer.Option(help="20-digit code of the device")],
    server: Annotated[str, typer.Option(help="host:port of the platform's SIP port")],
    server_id: Annotated[str, typer.Option(help="20-digit code of the platform")],
    password: Annotated[str, typer.Option(help="digest password", envvar="GBSIM_PASSWORD")] = "",
    name: Annotated[str, typer.Option(help="name burnt into the picture")] = "gbsim",
    channels: Annotated[int, typer.Option(min=1, max=9999, help="number of channels")] = 1,
    codec: Annotated[str, typer.Option(help="h264 or h265")] = "h264",
    transport: Annotated[str, typer.Option(help="SIP over udp or tcp")] = "udp",
    host: Annotated[str, typer.Option(help="our address")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="our SIP port, 0 takes a free one")] = 0,
    size: Annotated[str, typer.Option(help="picture size")] = "640x360",
    fps: Annotated[int, typer.Option(min=1, max=60)] = 15,
    gop: Annotated[int, typer.Option(min=1, max=600, help="frames between key frames")] = 30,
    kbps: Annotated[int, typer.Option(min=16, max=100_000)] = 600,
    edition: Annotated[str, typer.Option(help="2016 or 2022")] = "2016",
    charset: Annotated[str, typer.Option(help="GB2312, GB18030 or UTF-8")] = "GB2312",
    keepalive: Annotated[float, typer.Option(help="seconds between keepalives")] = 60.0,
    encoders: Annotated[int, typer.Option(min=1, help="most channels encoded at once")] = 2,
) -> None:
    """A camera, or an NVR with several channels, that registers and streams a moving test picture when called."""
    width, _, height = size.partition("x")
    server_host, _, server_port = server.rpartition(":")
    settings = DeviceSettings(
        id=id,
        server_id=server_id,
        server_host=server_host,
        server_port=int(server_port),
        password=password,
        name=name,
        transport=transport.upper(),
        host=host,
        port=port,
        channels=channels_of(id, channels),
        charset=charset,
        edition=Edition(int(edition)),
        keepalive_s=keepalive,
        picture=PictureSettings(
            codec="H265" if codec.lower() == "h265" else "H264",
            width=int(width),
            height=int(height),
            fps=fps,
            gop=gop,
            bitrate=kbps * 1000,
        ),
        max_encoders=encoders,
    )
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(run_device(settings)))


def channels_of(device_id: str, count: int) -> tuple[Channel, ...]:
    """Channel codes of type 131 beside the device's own code; a single camera is its own channel's device."""
    prefix, serial = device_id[:10], int(device_id[14:])
    return tuple(
        Channel(f"{prefix}131{device_id[13]}{(serial * 100 + number) % 1_000_000:06d}", f"通道{number}")
        for number in range(1, count + 1)
    )


async def run_device(settings: DeviceSettings) -> int:
    """Run a device until SIGINT or SIGTERM; the exit status."""
    simulated = SimulatedDevice(settings, tell)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await simulated.start()
    except (Refused, RemoteError) as error:
        tell("not registered", {"problem": str(error)})
        await simulated.stop(unregister=False)
        return 1
    await ended.wait()
    await simulated.stop()
    return 0


def tell(event: str, facts: dict[str, Any]) -> None:
    """One line of JSON on standard output."""
    print(json.dumps({"event": event, **facts}, ensure_ascii=False), flush=True)


def main() -> None:
    app()
