"""Two network cards and NATs, in network namespaces: devices on one side of a gateway, an upper platform on the other,
no way between them but through the gateway. Every combination of media legs that can be, is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from interop.demo.node import NodeProcess
from interop.wire import sipwire
from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel, sdp_facts
from interop.wire.platform import WirePlatform
from interop.wire.sipwire import fresh
from tests.e2e.chain import EVERYTHING, SHORT_WAITS, until
from tests.stand.namespace import Namespace, cable
from tests.stand.nat import Nat

pytestmark = [pytest.mark.e2e, pytest.mark.netns, pytest.mark.timeout(120)]

NODE_ID, UPPER_ID, PASSWORD = "34020100002000000001", "34000000002000000009", "secret-4711"
TRANSPORTS = ("udp", "tcp_passive", "tcp_active")
"""Of both legs, as the gateway sees them."""
THEIRS = {"udp": "udp", "tcp_passive": "tcp_active", "tcp_active": "tcp_passive"}
LEGS = list(itertools.product(TRANSPORTS, TRANSPORTS))
SIP = 5060
DEVICE_CARD, UPPER_CARD = "10.1.0.1", "10.2.0.1"
"""The gateway as devices see it, and as the upper platform sees it."""
DEVICE, HIDDEN_DEVICE, DEVICE_NAT, UPPER = "10.1.0.2", "192.168.50.2", "10.1.0.7", "10.2.0.9"
HIDDEN_UPPER = "172.20.0.9"
"""The upper platform's own address where it is behind a NAT, which forwards its SIP port alone."""
HIDDEN_CARD = "172.16.9.2"
"""The gateway's own address where a NAT stands between it and the upper platform."""
DEFAULT_PORTS, UPPER_PORTS = range(40000, 40200), range(41000, 41200)
FRAMES = 10


@dataclass(frozen=True)
class Place:
    """Where the NATs stand, and how the upper platform speaks."""

    device_behind_nat: bool = False
    gateway_behind_nat: bool = False
    upper_behind_nat: bool = False
    signalling: str = "udp"

    @property
    def upper(self) -> str:
        """The address the upper platform has."""
        return HIDDEN_UPPER if self.upper_behind_nat else UPPER

    def can_be(self, device: str, top: str) -> bool:
        """Nobody connects or sends to somebody behind a NAT that forwards nothing."""
        if self.device_behind_nat and device == "tcp_active":
            return False
        return not self.upper_behind_nat or top == "tcp_passive"


PLACES = {
    "two cards": Place(),
    "device behind NAT": Place(device_behind_nat=True),
    "gateway behind NAT": Place(gateway_behind_nat=True),
    "both": Place(device_behind_nat=True, gateway_behind_nat=True, signalling="tcp"),
    "upper behind NAT": Place(upper_behind_nat=True),
}


@dataclass
class World:
    """The three sides, each in its namespace."""

    place: Place
    below: Namespace
    gateway: Namespace
    above: Namespace
    node: NodeProcess
    upper: WirePlatform
    devices: dict[str, WireDevice] = field(default_factory=dict)

    def start(self) -> None:
        self.above.run(self.upper.port.open())
        self.gateway.run(self._start_node())
        for number, transport in enumerate(TRANSPORTS):
            self.devices[transport] = self.below.run(self._device(number))
        self.above.run(self.upper.wait_registered(NODE_ID, 20))
        wanted = {channel_of(transport) for transport in TRANSPORTS}

        async def shown() -> bool:
            return wanted <= set((await self.upper.catalog(NODE_ID)).ids)

        self.above.run(until(shown))

    async def _start_node(self) -> None:
        await self.node.start()
        await self.node.set_up()
        for number, transport in enumerate(TRANSPORTS):
            body = {"id": device_id(number), "password": PASSWORD, "media_transport": transport}
            await self.node.call("POST", "/api/v1/devices", body)
        await self.node.call("POST", "/api/v1/rules", EVERYTHING)
        body = {"id": UPPER_ID, "host": UPPER, "port": SIP, "password": PASSWORD}
        more = {"rule_id": "everything", "transport": self.place.signalling}
        await self.node.call("POST", "/api/v1/uppers", body | more)

    async def _device(self, number: int) -> WireDevice:
        host = HIDDEN_DEVICE if self.place.device_behind_nat else DEVICE
        channels = [WireChannel(channel_of(TRANSPORTS[number]))]
        device = WireDevice(
            device_id(number), PASSWORD, (DEVICE_CARD, SIP), NODE_ID, host=host, port=SIP + number, channels=channels
        )
        await device.port.open()
        await device.register()
        return device

    def stop(self) -> None:
        self.gateway.run(self.node.stop())
        for device in self.devices.values():
            self.below.run(device.__aexit__())
        self.above.run(self.upper.__aexit__())

    def api(self, method: str, path: str, body: Any = None) -> Any:
        return self.gateway.run(self.node.call(method, path, body))


def device_id(number: int) -> str:
    return f"3402010000111000000{number}"


def channel_of(transport: str) -> str:
    return f"3402010000132000000{TRANSPORTS.index(transport)}"


def configured(place: Place, node: NodeProcess) -> None:
    """Devices are in the default zone, the upper platform in one of its own."""
    card = {"host": DEVICE_CARD}
    zone: dict[str, Any] = {"networks": [f"{UPPER}/24".replace(".9/", ".0/")], "sip_host": UPPER_CARD}
    if place.gateway_behind_nat:
        zone |= {"sip_host": HIDDEN_CARD, "sip_advertised_host": UPPER_CARD}
    zone |= {"port_min": UPPER_PORTS[0], "port_max": UPPER_PORTS[-1]}
    for section, keys in SHORT_WAITS.items():
        node.settings[section] = dict(keys)
    node.settings["sip"] = {**card, "port": SIP}
    node.settings["media"] |= {**card, "port_min": DEFAULT_PORTS[0], "port_max": DEFAULT_PORTS[-1]}
    node.settings["zones.above"] = zone


@contextlib.contextmanager
def running(place: Place, directory: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        below, gateway, above = (stack.enter_context(Namespace(label)) for label in ("dev", "gw", "up"))
        if place.device_behind_nat:
            stack.enter_context(Nat(below, f"{HIDDEN_DEVICE}/24", gateway, f"{DEVICE_CARD}/24", DEVICE_NAT))
        else:
            cable(below, f"{DEVICE}/24", gateway, f"{DEVICE_CARD}/24", "d")
        if place.gateway_behind_nat:
            forwarded = frozenset((SIP, *UPPER_PORTS))
            stack.enter_context(Nat(gateway, f"{HIDDEN_CARD}/24", above, f"{UPPER}/24", UPPER_CARD, forwarded))
        elif place.upper_behind_nat:
            sip = frozenset((SIP,))
            stack.enter_context(Nat(above, f"{HIDDEN_UPPER}/24", gateway, f"{UPPER_CARD}/24", UPPER, sip))
        else:
            cable(gateway, f"{UPPER_CARD}/24", above, f"{UPPER}/24", "u")
        node = NodeProcess(NODE_ID, "between", directory, set())
        configured(place, node)
        world = World(place, below, gateway, above, node, WirePlatform(UPPER_ID, PASSWORD, host=place.upper, port=SIP))
        stack.callback(world.stop)
        try:
            world.start()
            yield world
        except BaseException:
            print(node.log_file.read_text("utf-8", "replace")[-6000:] if node.log_file.exists() else "no log")
            raise


everywhere = pytest.mark.parametrize("world", PLACES, indirect=True, scope="module")
behind_nat = pytest.mark.parametrize("world", ["device behind NAT", "both"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(PLACES[request.param], tmp_path_factory.mktemp("zones")) as made:
        yield made


async def view(world: World, device: str, top: str) -> tuple[list[str], list[str], str]:
    """The pictures received, the faults seen, and the media address of the gateway's answer."""
    call = await world.upper.play(channel_of(device), transport=THEIRS[top])
    try:
        await call.first_key(15)
        await call.frames(FRAMES, 15)
        assert call.answer is not None
        facts = sdp_facts(call.answer.body)
        if call.goodbye is None:
            await call.bye()
        return [unit.sha256 for unit in call.units], call.faults, f"{facts.host}:{facts.port}"
    finally:
        call.close()


async def all_views(world: World) -> dict[tuple[str, str], Any]:
    possible = [legs for legs in LEGS if world.place.can_be(*legs)]
    outcomes = await asyncio.gather(*(view(world, *legs) for legs in possible), return_exceptions=True)
    return dict(zip(possible, outcomes, strict=True))


def unreachable(host: str) -> str:
    """Why no datagram gets from here to there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, SIP))
        except OSError as error:
            return str(error)
    return ""


@everywhere
def test_there_is_no_way_from_devices_to_the_upper_platform_but_through_the_gateway(world: World) -> None:
    async def tried(host: str) -> str:
        return unreachable(host)

    assert "unreachable" in world.below.run(tried(UPPER))
    assert "unreachable" in world.above.run(tried(DEVICE))


@everywhere
def test_the_picture_passes_in_every_combination_of_legs_that_can_be(world: World) -> None:
    outcomes = world.above.run(all_views(world))
    assert len(outcomes) == (6 if world.place.device_behind_nat else 3 if world.place.upper_behind_nat else 9)
    for (device, top), outcome in outcomes.items():
        assert not isinstance(outcome, BaseException), (device, top, repr(outcome))
        received, faults, media = outcome
        sent = [[unit.sha256 for unit in call.units] for call in world.devices[device].calls]
        assert any(received == run[run.index(received[0]) :][: len(received)] for run in sent if received[0] in run)
        assert not faults, (device, top)
        host, port = media.split(":")
        assert host == UPPER_CARD and int(port) in UPPER_PORTS


@everywhere
def test_each_side_is_told_the_address_it_can_reach(world: World) -> None:
    assert not world.upper.faults
    registers = [one for one in world.upper.port.received if one.method == "REGISTER"]
    assert registers
    for one in registers:
        assert f"{UPPER_CARD}:{SIP}" in one.need("contact") and f" {UPPER_CARD}:{SIP}" in one.need("via")
    for device in world.devices.values():
        invites = [one for one in device.port.received if one.method == "INVITE"]
        for one in invites:
            assert f"{DEVICE_CARD}:{SIP}" in one.need("contact") and f" {DEVICE_CARD}:{SIP}" in one.need("via")
            facts = sdp_facts(one.body)
            assert facts.host == DEVICE_CARD and facts.port in DEFAULT_PORTS
        assert not device.faults


@behind_nat
def test_a_device_that_cannot_be_connected_to_is_said_to_be_behind_a_nat(world: World) -> None:
    view = world.api("POST", "/api/v1/views", {"peer_id": device_id(2), "code": channel_of("tcp_active")})
    deadline = time.monotonic() + 20
    while (shown := world.api("GET", f"/api/v1/views/{view['id']}"))["failure"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    failure = shown["failure"]
    assert failure["step"] == "connect_failed"
    assert f"it names {HIDDEN_DEVICE}, but its requests come from {DEVICE_NAT}: behind a NAT" in failure["message"]
    assert "NAT" in failure["message_zh"]


async def cut_off(world: World) -> str:
    """Why the gateway hung up on a platform that wants to be connected to."""
    call = await world.upper.play(channel_of("udp"), transport="tcp_passive")
    async with asyncio.timeout(20):
        await call.ended.wait()
    assert call.goodbye is not None
    return call.goodbye.need("reason")


@pytest.mark.parametrize("world", ["upper behind NAT"], indirect=True, scope="module")
def test_a_platform_that_cannot_be_connected_to_is_said_to_be_behind_a_nat(world: World) -> None:
    assert "Media Connection Failed" in world.above.run(cut_off(world))
    lost = [step for trace in world.api("GET", "/api/v1/traces")["items"] for step in trace["steps"]]
    words = [step["message"] for step in lost if step["what"] == "lost" and step["step"] == "connect_failed"]
    assert words and f"it names {HIDDEN_UPPER}, but its requests come from {UPPER}: behind a NAT" in words[0]


async def forged(world: World, victim: WireDevice, host: str) -> None:
    """A keepalive of a device, from its very address, that comes in at the other card."""
    body = victim.xml("Notify", "Keepalive", 1, victim.id, "<Status>OK</Status>\r\n")
    lines = [
        f"Via: SIP/2.0/UDP {host}:{victim.port.port};rport;branch={fresh('z9hG4bK')}",
        f"From: <sip:{victim.id}@{victim.id[:10]}>;tag=f",
        f"To: <sip:{NODE_ID}@{NODE_ID[:10]}>",
        f"Call-ID: {fresh('forged')}",
        "CSeq: 1 MESSAGE",
        "Content-Type: Application/MANSCDP+xml",
    ]
    data = sipwire.build(f"MESSAGE sip:{NODE_ID}@{NODE_ID[:10]} SIP/2.0", lines, body)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, victim.port.port))
        sock.sendto(data, (UPPER_CARD, SIP))


async def lax() -> None:
    """Let the kernel take in what its routes would not send back there: the worst case."""
    await asyncio.to_thread(switch_off_reverse_paths)


def switch_off_reverse_paths() -> None:
    for card in Path("/proc/sys/net/ipv4/conf").iterdir():
        (card / "rp_filter").write_text("0")


@pytest.mark.parametrize("world", ["two cards"], indirect=True, scope="module")
def test_a_forged_address_that_comes_in_at_the_other_card_is_refused(world: World) -> None:
    world.gateway.run(lax())
    world.above.ip("addr", "add", f"{DEVICE}/32", "dev", "lo")
    world.above.run(forged(world, world.devices["udp"], DEVICE))
    wanted = f"{device_id(0)} belongs to zone default, but this came in at zone above"
    deadline = time.monotonic() + 10
    while wanted not in world.node.log_file.read_text("utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert world.below.run(world.devices["udp"].keepalive()).status == 200
