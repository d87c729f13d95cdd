"""The steps of the demonstration: four nodes, two cameras and an NVR, and their pictures three platforms up."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from av.error import FFmpegError

from interop.demo.node import ApiFailure, NodeProcess
from interop.demo.pictures import judge
from interop.demo.ports import free_port
from interop.demo.screen import Screen
from interop.demo.simulator import SimulatorProcess
from interop.demo.trace import Milestone, once, read_messages, written

T = TypeVar("T")

REGION = "54000000002000000001"
CITY = "54010000002000000001"
DISTRICT = "54010200002000000001"
ENTERPRISE = "54010200012000000001"
CAMERA = "54010200011320000001"
NVR = "54010200001180000001"
NVR_CHANNELS = 8
RTSP_CAMERA = "54010200011110000002"
"""What the enterprise gateway calls the camera that speaks RTSP only; its channel gets a code of its own."""
RTSP_NAME = "loading dock (RTSP)"
RTSP_USER = "viewer"
LINKS = (("city", "region"), ("district", "city"), ("enterprise", "city"))
"""Who registers at whom."""
PICTURE = {"size": "640x360", "fps": "15", "gop": "30", "kbps": "500"}


LINGER_S = 1.0
PATIENCE = 150
"""Tenths of a second a camera may take to be online, and calls to end."""
WENT_WRONG = (ApiFailure, RuntimeError, OSError, aiohttp.ClientError, FFmpegError, LookupError, ValueError)
"""What a step may raise; an answer of the API without an expected field is among them."""


class StepFailed(Exception):
    """A step of the demonstration did not work; the message says which and why."""


class Story:
    """The nodes, the simulated devices and the steps; results and logs go below `output`."""

    def __init__(self, output: Path, screen: Screen, *, play_seconds: float = 10.0) -> None:
        taken: set[int] = set()
        self.output = output
        self.screen = screen
        self.play_seconds = play_seconds
        places = {
            "region": (REGION, "region platform"),
            "city": (CITY, "city platform"),
            "district": (DISTRICT, "district platform"),
            "enterprise": (ENTERPRISE, "enterprise gateway"),
        }
        self.nodes = {
            place: NodeProcess(code, name, output / "nodes" / place, taken, self._settings(place))
            for place, (code, name) in places.items()
        }
        self.devices: list[SimulatorProcess] = []
        self.passwords: list[str] = []

    @property
    def logs(self) -> list[Path]:
        """The log files there are."""
        every = [*(node.log_file for node in self.nodes.values()), *(device.log_file for device in self.devices)]
        return [path for path in every if path.exists()]

    def _settings(self, place: str) -> dict[str, dict[str, Any]]:
        return {"log": {"sip_trace": str(self._sip_trace(place))}, "media": {"linger_seconds": LINGER_S}}

    def _sip_trace(self, place: str) -> Path:
        return self.output / "nodes" / place / "sip-trace.jsonl"

    async def step(self, what: str, work: Awaitable[T]) -> T:
        """Run one step; what goes wrong is told as this step's failure."""
        with self.screen.busy(what):
            try:
                return await work
            except WENT_WRONG as error:
                raise StepFailed(f"{what}: {str(error) or type(error).__name__}") from error

    async def run(self) -> None:
        """All steps, in order. Raises StepFailed at the first that does not work."""
        await self.step("starting four nodes (SQLite, no services)", self.start_nodes())
        await self.step("connecting the platforms", self.connect())
        await self.step("connecting the cameras", self.start_devices())
        channels = await self.step("reading the catalogue at the region", self.wait_for_catalogue())
        camera = await self.step("searching the camera", self.find(channels, f"{CAMERA[:10]}131"))
        nvr = await self.step("searching the NVR", self.find(channels, f"{NVR[:10]}131"))
        dock = await self.step("searching the RTSP camera", self.find(channels, RTSP_NAME))
        await self.step(
            f"playing them for {self.play_seconds:.0f} s",
            together(
                (
                    self.play(camera, "region-live.mp4", "H.264"),
                    self.play(nvr, "region-nvr.mp4", "H.265"),
                    self.play(dock, "region-rtsp.mp4", "H.264"),
                )
            ),
        )
        await self.step("taking a snapshot", self.snapshot(camera))
        await self.step("moving the camera", self.move(camera))
        await self.step("verifying the ledgers", self.verify_ledgers())
        await self.step("waiting for the calls to end", self.calls_ended())
        await self.step("writing the signalling trace", self.write_trace())

    # -- building the cascade

    async def start_nodes(self) -> None:
        """All nodes at once; each is told when it is up."""
        await together(self._start_node(node) for node in self.nodes.values())

    async def _start_node(self, node: NodeProcess) -> None:
        await node.start()
        await node.set_up()
        self.screen.say(f"{node.name:18}  {node.id}  SIP {node.sip_port}  HTTP {node.http_port}")

    async def connect(self) -> None:
        """Enter every lower platform above and every upper platform below, with the passwords on both sides."""
        for below, above in LINKS:
            lower, upper = self.nodes[below], self.nodes[above]
            password = self._new_password()
            entry = {"id": lower.id, "name": lower.name, "kind": "platform", "password": password}
            await upper.call("POST", "/api/v1/devices", entry)
            rule = {"id": "everything", "mode": "all", "actions": ["live", "ptz", "query"]}
            await lower.call("POST", "/api/v1/rules", rule)
            entry = {"id": upper.id, "name": upper.name, "password": password, "rule_id": "everything"}
            await lower.call("POST", "/api/v1/uppers", {**entry, "host": "127.0.0.1", "port": upper.sip_port})
        for below, above in LINKS:
            await self._wait_registered(self.nodes[above], self.nodes[below].id)
            self.screen.say(f"{self.nodes[below].name} registered at the {self.nodes[above].name}")

    def _new_password(self) -> str:
        self.passwords.append(secrets.token_urlsafe(12))
        return self.passwords[-1]

    async def _wait_registered(self, node: NodeProcess, device_id: str) -> None:
        for _ in range(200):
            if (await node.call("GET", f"/api/v1/devices/{device_id}"))["online"]:
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{device_id} did not register at the {node.name}; see {node.log_file}")

    async def start_devices(self) -> None:
        """Two cameras below the enterprise gateway, one of them with RTSP only, an NVR below the district platform."""
        nvr = {"codec": "h265", "channels": str(NVR_CHANNELS), "transport": "tcp"}
        await together(
            (
                self._device("enterprise", CAMERA, "front gate camera", {"codec": "h264"}, media="udp"),
                self._rtsp_camera(),
                self._device("district", NVR, "market NVR", nvr, media="tcp_passive"),
            )
        )

    async def _device(self, place: str, code: str, name: str, options: dict[str, str], *, media: str) -> None:
        node = self.nodes[place]
        password = self._new_password()
        entry = {"id": code, "name": name, "password": password, "media_transport": media}
        await node.call("POST", "/api/v1/devices", entry)
        who = {"id": code, "name": name, "server": f"127.0.0.1:{node.sip_port}", "server-id": node.id}
        device = SimulatorProcess({**who, **PICTURE, **options}, password, self.output / "devices" / f"{code}.log")
        self.devices.append(device)
        await device.start()
        self.screen.say(f"{name} registered at the {node.name}")

    async def _rtsp_camera(self) -> None:
        """A camera that knows nothing of GB/T 28181, entered with its address, user and password."""
        node, port, password = self.nodes["enterprise"], free_port(), self._new_password()
        options = {"port": str(port), "path": "/live", "name": RTSP_NAME, "user": RTSP_USER, "sound": "AAC", **PICTURE}
        log = self.output / "devices" / f"{RTSP_CAMERA}.log"
        camera = SimulatorProcess(options, password, log, command="rtsp", ready="listening")
        self.devices.append(camera)
        await camera.start()
        login = {"url": f"rtsp://127.0.0.1:{port}/live", "username": RTSP_USER, "password": password}
        entry = {"id": RTSP_CAMERA, "name": RTSP_NAME, "kind": "rtsp", **login}
        await node.call("POST", "/api/v1/devices", entry)
        self.screen.say(f"{RTSP_NAME} entered at the {node.name}")

    # -- what an operator at the top does

    async def wait_for_catalogue(self) -> list[dict[str, Any]]:
        """Every channel, as the region sees them."""
        wanted = 1 + NVR_CHANNELS + 1
        found: list[dict[str, Any]] = []
        for _ in range(2 * PATIENCE):
            page = await self.nodes["region"].call("GET", "/api/v1/channels?limit=500")
            found = [row for row in page["items"] if row["kind"] == "channel"]
            if len(found) >= wanted:
                self.screen.say(f"the region sees {len(found)} channels, all through the {self.nodes['city'].name}")
                return found
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{len(found)} of {wanted} channels arrived")

    async def find(self, channels: list[dict[str, Any]], text: str) -> dict[str, Any]:
        """The first channel that is found by its name or the beginning of its code, once it is online."""
        path, codes = f"/api/v1/channels?text={quote(text)}&limit=50", {row["code"] for row in channels}
        for _ in range(PATIENCE):
            listed = await self.nodes["region"].call("GET", path)
            if online := [row for row in listed["items"] if row["code"] in codes and row["online"]]:
                chosen: dict[str, Any] = min(online, key=lambda row: str(row["code"]))
                self.screen.say(f"found {chosen['name']} {chosen['code']}")
                return chosen
            await asyncio.sleep(0.1)
        raise LookupError(f"no online channel is found by {text}")

    async def play(self, channel: dict[str, Any], file_name: str, codec: str) -> None:
        """Watch a channel at the region and judge what came."""
        region, target = self.nodes["region"], self.output / file_name
        body = {"peer_id": channel["peer_id"], "code": channel["code"], "purpose": "demonstration"}
        view = await region.call("POST", "/api/v1/views", body)
        await region.download(view["mp4_url"], self.play_seconds, target)
        await region.call("DELETE", f"/api/v1/views/{view['id']}")
        picture = await asyncio.to_thread(judge, target)
        if picture.codec != codec:
            raise ValueError(f"{target} holds {picture.codec}, not {codec}")
        if not picture.moving:
            raise ValueError(f"{target}: the burnt-in clock does not move ({picture})")
        self.screen.say(
            f"{file_name}: {picture.codec} {picture.width}x{picture.height}, {picture.frames} pictures, "
            f"{picture.seconds:.1f} s, clock moves"
        )

    async def snapshot(self, channel: dict[str, Any]) -> None:
        """A picture of the camera as a file."""
        jpeg = await self.nodes["region"].fetch(f"/api/v1/channels/{channel['peer_id']}/{channel['code']}/snapshot")
        if not jpeg.startswith(b"\xff\xd8"):
            raise ValueError("the snapshot is no JPEG")
        target = self.output / "region-snapshot.jpg"
        await asyncio.to_thread(target.write_bytes, jpeg)
        self.screen.say(f"{target.name}: JPEG, {len(jpeg) // 1024} KiB")

    async def move(self, channel: dict[str, Any]) -> None:
        """A PTZ command from the region; the camera must have got the same eight bytes."""
        path = f"/api/v1/channels/{channel['peer_id']}/{channel['code']}/ptz"
        sent = await self.nodes["region"].call("POST", path, {"action": "right", "speed": 64})
        camera = next(device for device in self.devices if device.code == CAMERA)
        seen = await camera.wait_for("ptz", 5)
        if seen["command"] != sent["sent"]:
            raise ValueError(f"sent {sent['sent']}, the camera got {seen['command']}")
        self.screen.say(f"PTZ {sent['sent']} reached the camera")

    # -- what is left behind

    async def calls_ended(self) -> None:
        """Until no node has a stream any more: a call goes on for a while after its last viewer has left."""
        running = 0
        for _ in range(PATIENCE):
            running = sum([len((await node.call("GET", "/api/v1/streams"))["items"]) for node in self.nodes.values()])
            if not running:
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{running} streams have no viewer and do not end")

    async def write_trace(self) -> None:
        """Every SIP message of the nodes, credentials masked, and the milestones of their calls, by time."""
        messages = [
            message
            for place in self.nodes
            for message in await asyncio.to_thread(read_messages, place, self._sip_trace(place))
        ]
        for method in ("REGISTER", "INVITE"):
            if not any(message.text.startswith(f"{method} ") for message in messages):
                raise LookupError(f"no {method} in the trace")
        names = {f"127.0.0.1:{node.sip_port}": place for place, node in self.nodes.items()}
        text = written(messages, await self._milestones(), names)
        self._contains_no_password(text)
        target = self.output / "signalling-trace.txt"
        await asyncio.to_thread(target.write_text, text, "utf-8")
        self.screen.say(f"{target.name}: {len(once(messages))} SIP messages of four nodes, whole")

    async def _milestones(self) -> list[Milestone]:
        found = []
        for place, node in self.nodes.items():
            for trace in (await node.call("GET", "/api/v1/traces"))["items"]:
                for step in trace["steps"]:
                    if not step["what"].startswith(("< ", "> ")):  # those are the messages
                        said = [key for key in step if key not in ("at", "what") and not key.endswith("_zh")]
                        details = " ".join(f"{key}={step[key]}" for key in said)
                        found.append(
                            Milestone(step["at"], place, f"{trace['stream']} {step['what']} {details}".strip())
                        )
        return found

    def _contains_no_password(self, text: str) -> None:
        if any(secret in text for secret in [*self.passwords, *(node.password for node in self.nodes.values())]):
            raise ValueError("a password is in the trace")

    async def verify_ledgers(self) -> None:
        """`gbgateway ledger verify` at every node."""
        await together(node.command("ledger", "verify") for node in self.nodes.values())
        self.screen.say(f"the ledgers of {', '.join(self.nodes)} are whole")

    # -- what is left to the visitor

    async def hand_over(self) -> str:
        """The region without any account, as the story's own is not the visitor's; the code to set it up with."""
        region = self.nodes["region"]
        await region.stop()
        await region.command("reset-accounts", "--yes")
        await region.start()
        return await region.one_time_code()

    async def stop(self) -> None:
        """End the devices, then the nodes, the lower before the upper: everybody's last words are still heard."""
        await asyncio.gather(*(device.stop() for device in self.devices), return_exceptions=True)
        for places in (("district", "enterprise"), ("city",), ("region",)):
            await asyncio.gather(*(self.nodes[place].stop() for place in places), return_exceptions=True)


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines side by side; the first that fails ends the others, and its exception is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
