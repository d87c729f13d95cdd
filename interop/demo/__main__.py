"""`make demo`: four nodes, a camera and an NVR, and the camera's picture three platforms up.

region platform
    ^ city platform
        ^ enterprise gateway <- a camera (H.264, UDP)
        ^ district platform  <- an NVR with 8 channels (H.265, TCP)
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from av.error import FFmpegError
from rich.console import Console

from interop.demo.node import ApiFailure, NodeProcess
from interop.demo.pictures import judge
from interop.demo.simulator import SimulatorProcess

T = TypeVar("T")

REGION = "54000000002000000001"
CITY = "54010000002000000001"
DISTRICT = "54010200002000000001"
ENTERPRISE = "54010200012000000001"
CAMERA = "54010200011320000001"
NVR = "54010200001180000001"
NVR_CHANNELS = 8
PLAY_SECONDS = 10.0

console = Console(highlight=False, soft_wrap=True)


class StepFailed(Exception):
    """A step of the demonstration did not work; the message says which and why."""


class Demo:
    """The nodes, the simulated devices and the steps."""

    def __init__(self, output: Path) -> None:
        taken: set[int] = set()
        self.output = output
        self.began = time.monotonic()
        places = {"region": REGION, "city": CITY, "district": DISTRICT, "enterprise": ENTERPRISE}
        self.nodes = {
            name: NodeProcess(code, f"{name} platform", output / "nodes" / name, taken) for name, code in places.items()
        }
        self.nodes["enterprise"].name = "enterprise gateway"
        self.devices: list[SimulatorProcess] = []

    def say(self, text: str) -> None:
        console.print(f"[dim]{time.monotonic() - self.began:6.1f} s[/dim]  {text}")

    async def step(self, what: str, work: Awaitable[T]) -> T:
        """Run one step; what goes wrong is told as this step's failure."""
        try:
            return await work
        except (ApiFailure, RuntimeError, OSError, TimeoutError, aiohttp.ClientError, FFmpegError) as error:
            raise StepFailed(f"{what}: {error}") from error

    async def run(self) -> None:
        """All steps, in order. Raises StepFailed at the first that does not work."""
        await self.step("starting the nodes", self.start_nodes())
        await self.step("connecting the platforms", self.connect())
        await self.step("connecting the cameras", self.start_devices())
        channels = await self.step("reading the catalogue at the region", self.wait_for_catalogue())
        camera = await self.step("searching the camera", self.find(channels, ENTERPRISE))
        nvr = await self.step("searching the NVR", self.find(channels, DISTRICT))
        await self.step("playing the camera", self.play(camera, "region-live.mp4", "H.264"))
        await self.step("playing the NVR", self.play(nvr, "region-nvr.mp4", "H.265"))
        await self.step("taking a snapshot", self.snapshot(camera))
        await self.step("moving the camera", self.move(camera))
        await self.step("writing the signalling trace", self.write_trace())
        await self.step("verifying the ledger", self.verify_ledger())

    async def start_nodes(self) -> None:
        self.say("starting region, city, district and enterprise nodes (SQLite, no services) ...")
        await asyncio.gather(*(node.start() for node in self.nodes.values()))
        for node in self.nodes.values():
            await node.set_up()
            self.say(f"{node.name:20} {node.id}  SIP 127.0.0.1:{node.sip_port}  API {node.api}")

    async def connect(self) -> None:
        """Enter every lower platform above and every upper platform below, with the passwords on both sides."""
        for below, above in (("city", "region"), ("district", "city"), ("enterprise", "city")):
            lower, upper = self.nodes[below], self.nodes[above]
            password = f"{below}-{lower.password[-8:]}"
            await upper.call(
                "POST",
                "/api/v1/devices",
                {"id": lower.id, "name": lower.name, "kind": "platform", "password": password},
            )
            rule = {"id": "everything", "mode": "all", "actions": ["live", "ptz", "query"]}
            await lower.call("POST", "/api/v1/rules", rule)
            await lower.call(
                "POST",
                "/api/v1/uppers",
                {
                    "id": upper.id,
                    "name": upper.name,
                    "host": "127.0.0.1",
                    "port": upper.sip_port,
                    "password": password,
                    "rule_id": "everything",
                },
            )
        for below, above in (("city", "region"), ("district", "city"), ("enterprise", "city")):
            await self._wait_registered(self.nodes[above], self.nodes[below].id)
            self.say(f"{self.nodes[below].name} registered at the {self.nodes[above].name}")

    async def _wait_registered(self, node: NodeProcess, device_id: str) -> None:
        for _ in range(200):
            if (await node.call("GET", f"/api/v1/devices/{device_id}"))["online"]:
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{device_id} did not register at the {node.name}; see {node.log_file}")

    async def start_devices(self) -> None:
        enterprise, district = self.nodes["enterprise"], self.nodes["district"]
        common = {"size": "640x360", "fps": "15", "gop": "30", "kbps": "500"}
        await self._device(enterprise, CAMERA, "front gate camera", {**common, "codec": "h264"}, media="udp")
        await self._device(
            district,
            NVR,
            "market NVR",
            {**common, "codec": "h265", "channels": str(NVR_CHANNELS), "transport": "tcp"},
            media="tcp_passive",
        )

    async def _device(self, node: NodeProcess, code: str, name: str, options: dict[str, str], *, media: str) -> None:
        password = f"dev-{node.password[-8:]}"
        await node.call(
            "POST", "/api/v1/devices", {"id": code, "name": name, "password": password, "media_transport": media}
        )
        every = {"id": code, "name": name, "server": f"127.0.0.1:{node.sip_port}", "server-id": node.id, **options}
        device = SimulatorProcess(every, password, self.output / "devices" / f"{code}.log")
        self.devices.append(device)
        await device.start()
        self.say(f"{name} {code} registered at the {node.name} (media over {media})")

    async def wait_for_catalogue(self) -> list[dict[str, Any]]:
        region = self.nodes["region"]
        wanted = 1 + NVR_CHANNELS
        found: list[dict[str, Any]] = []
        for _ in range(300):
            page = await region.call("GET", "/api/v1/channels?limit=500")
            found = [row for row in page["items"] if row["kind"] == "channel"]
            if len(found) >= wanted:
                self.say(f"the region sees {len(found)} channels, every one through the {self.nodes['city'].name}")
                return found
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{len(found)} of {wanted} channels arrived")

    async def find(self, channels: list[dict[str, Any]], owner: str) -> dict[str, Any]:
        """The first online channel of a lower platform, as its operator would find it: by its code."""
        region = self.nodes["region"]
        prefix = (CAMERA if owner == ENTERPRISE else NVR)[:10]
        listed = await region.call("GET", f"/api/v1/channels?text={prefix}131&limit=50")
        rows = sorted(
            (row for row in listed["items"] if row in channels and row["online"]), key=lambda row: row["code"]
        )
        if not rows:
            raise RuntimeError(f"no online channel whose code begins with {prefix}131")
        chosen: dict[str, Any] = rows[0]
        self.say(f"found {chosen['name']} {chosen['code']} below {chosen['peer_id']}")
        return chosen

    async def play(self, channel: dict[str, Any], file_name: str, codec: str) -> None:
        region = self.nodes["region"]
        began = time.monotonic()
        body = {"peer_id": channel["peer_id"], "code": channel["code"], "purpose": "demonstration"}
        view = await region.call("POST", "/api/v1/views", body)
        target = self.output / file_name
        self.say(f"playing {channel['code']} for {PLAY_SECONDS:.0f} s into {target} ...")
        size = await region.download(view["mp4_url"], PLAY_SECONDS, target)
        await region.call("DELETE", f"/api/v1/views/{view['id']}")
        picture = await asyncio.to_thread(judge, target)
        if picture.codec != codec:
            raise RuntimeError(f"{target} holds {picture.codec}, not {codec}")
        if not picture.moving:
            raise RuntimeError(f"{target}: the burnt-in clock does not move ({picture})")
        self.say(
            f"{target}: {picture.codec} {picture.width}x{picture.height}, {picture.frames} pictures in "
            f"{picture.seconds:.1f} s, {size // 1024} KiB, the clock moves ({time.monotonic() - began:.1f} s in all)"
        )

    async def snapshot(self, channel: dict[str, Any]) -> None:
        jpeg = await self.nodes["region"].fetch(f"/api/v1/channels/{channel['peer_id']}/{channel['code']}/snapshot")
        if not jpeg.startswith(b"\xff\xd8"):
            raise RuntimeError("the snapshot is no JPEG")
        target = self.output / "region-snapshot.jpg"
        target.write_bytes(jpeg)
        self.say(f"{target}: JPEG, {len(jpeg) // 1024} KiB")

    async def move(self, channel: dict[str, Any]) -> None:
        path = f"/api/v1/channels/{channel['peer_id']}/{channel['code']}/ptz"
        sent = await self.nodes["region"].call("POST", path, {"action": "right", "speed": 64})
        seen = await self.devices[0].wait_for("ptz", 5)
        if seen["command"] != sent["sent"]:
            raise RuntimeError(f"sent {sent['sent']}, the camera got {seen['command']}")
        self.say(f"PTZ {sent['sent']} reached the camera")

    async def write_trace(self) -> None:
        """The ladders of all nodes in one file, by time."""
        lines: list[tuple[float, str]] = []
        for name, node in self.nodes.items():
            for trace in (await node.call("GET", "/api/v1/traces"))["items"]:
                for step in trace["steps"]:
                    details = " ".join(f"{key}={value}" for key, value in step.items() if key not in ("at", "what"))
                    lines.append((step["at"], f"{name:10} {trace['stream']:41} {step['what']}  {details}"))
        lines.sort()
        target = self.output / "signalling-trace.txt"
        first = lines[0][0] if lines else 0.0
        target.write_text("".join(f"{at - first:9.3f}  {text}\n" for at, text in lines), "utf-8")
        if not any("INVITE" in text for _, text in lines):
            raise RuntimeError("no INVITE in the trace")
        self.say(f"{target}: {len(lines)} steps of the calls on four nodes")

    async def verify_ledger(self) -> None:
        for name in ("region", "city", "enterprise"):
            node = self.nodes[name]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", "ledger", "verify", "--config", str(node.config_file),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            said, _ = await process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"{node.name}: {said.decode(errors='replace').strip()}")
        self.say("the ledgers of region, city and enterprise are whole: every picture has its entry")

    async def stop(self) -> None:
        await asyncio.gather(*(device.stop() for device in self.devices), return_exceptions=True)
        for name in ("region", "city", "district", "enterprise"):
            await self.nodes[name].stop()


async def main(once: bool, output: Path) -> int:
    """Run the demonstration; the exit status."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    demo = Demo(output)
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    running = asyncio.create_task(demo.run())
    waiting = asyncio.create_task(interrupted.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return 130
        running.result()
        console.print(f"[green]Everything worked.[/green] Results are in {output}/")
        if not once:
            region = demo.nodes["region"]
            console.print(
                f"The nodes stay up. Region API: {region.api}  user {region.user}  password {region.password}"
            )
            console.print("Ctrl-C ends them.")
            await waiting
        return 0
    except StepFailed as failure:
        console.print(f"[red]Failed while {failure}[/red]")
        console.print(f"Logs: {output}/nodes/*/gbgateway.log, {output}/devices/*.log")
        return 1
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        demo.say("stopping ...")
        await demo.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="end after the last step instead of staying up")
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.once, options.output)))
