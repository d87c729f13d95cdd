"""Devices on one side of a gateway, an upper platform on the other, each side in a network namespace of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interop.demo.node import NodeProcess
from interop.wire.device import WireDevice
from interop.wire.manscdp import WireChannel
from interop.wire.platform import WirePlatform
from tests.e2e.chain import EVERYTHING, SHORT_WAITS, until
from tests.stand.namespace import Namespace, cable
from tests.stand.nat import Nat
from tests.stand.places import TRANSPORTS, Place

NODE_ID, UPPER_ID, PASSWORD = "34020100002000000001", "34000000002000000009", "secret-4711"
SIP = 5060
DEVICE_CARD, UPPER_CARD = "10.1.0.1", "10.2.0.1"
"""The gateway as devices see it, and as the upper platform sees it."""
DEVICE, HIDDEN_DEVICE, DEVICE_NAT, UPPER = "10.1.0.2", "192.168.50.2", "10.1.0.7", "10.2.0.9"
HIDDEN_UPPER = "172.20.0.9"
"""The upper platform's own address where it is behind a NAT."""
HIDDEN_CARD = "172.16.9.2"
"""The gateway's own address where a NAT stands between it and the upper platform."""
DEFAULT_PORTS, UPPER_PORTS = range(40000, 40200), range(41000, 41200)
UPPERS_MEDIA = range(50000, 50200)
"""The media ports of the upper platform where it is behind a NAT."""


@dataclass
class World:
    """The three sides."""

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

    def steps(self) -> list[dict[str, Any]]:
        """Every step of every call, the newest call first."""
        return [step for trace in self.api("GET", "/api/v1/traces")["items"] for step in trace["steps"]]


def device_id(number: int) -> str:
    return f"3402010000111000000{number}"


def channel_of(transport: str) -> str:
    return f"3402010000132000000{TRANSPORTS.index(transport)}"


def _configured(place: Place, node: NodeProcess) -> None:
    """Devices are in the default zone, the upper platform in one of its own."""
    card = {"host": DEVICE_CARD}
    zone: dict[str, Any] = {"networks": [f"{UPPER}/24".replace(".9/", ".0/")], "sip_host": UPPER_CARD}
    if place.gateway_behind_nat:
        zone |= {"sip_host": HIDDEN_CARD, "sip_advertised_host": UPPER_CARD}
    zone |= {"port_min": UPPER_PORTS[0], "port_max": UPPER_PORTS[-1]}
    for section, keys in SHORT_WAITS.items():
        node.settings[section] = dict(keys)
    node.settings["sip"] = {**card, "port": SIP}
    node.settings["http"] = {"host": "0.0.0.0"}
    node.settings["media"] |= {**card, "port_min": DEFAULT_PORTS[0], "port_max": DEFAULT_PORTS[-1]}
    node.settings["media"] |= {"http_host": "0.0.0.0"}
    node.settings["zones.above"] = zone


def _upper(place: Place) -> WirePlatform:
    if not place.upper_behind_nat:
        return WirePlatform(UPPER_ID, PASSWORD, host=UPPER, port=SIP)
    outer: dict[str, Any] = {"outer_host": UPPER, "media_ports": UPPERS_MEDIA} if place.upper_media_forwarded else {}
    return WirePlatform(UPPER_ID, PASSWORD, host=HIDDEN_UPPER, port=SIP, **outer)


@contextlib.contextmanager
def running(place: Place, directory: Path) -> Iterator[World]:
    """A world with everybody registered and every channel shown above."""
    node = NodeProcess(NODE_ID, "between", directory, set())
    _configured(place, node)
    with contextlib.ExitStack() as stack:
        below, gateway, above = (stack.enter_context(Namespace(label)) for label in ("dev", "gw", "up"))
        if place.device_behind_nat:
            stack.enter_context(Nat(below, f"{HIDDEN_DEVICE}/24", gateway, f"{DEVICE_CARD}/24", DEVICE_NAT, "dev"))
        else:
            cable(below, f"{DEVICE}/24", gateway, f"{DEVICE_CARD}/24", "d")
        if place.gateway_behind_nat:
            ports = frozenset((SIP, node.http_port, node.stream_port, *UPPER_PORTS))
            stack.enter_context(Nat(gateway, f"{HIDDEN_CARD}/24", above, f"{UPPER}/24", UPPER_CARD, "gw", ports))
        elif place.upper_behind_nat:
            ports = frozenset((SIP, *(UPPERS_MEDIA if place.upper_media_forwarded else ())))
            stack.enter_context(Nat(above, f"{HIDDEN_UPPER}/24", gateway, f"{UPPER_CARD}/24", UPPER, "up", ports))
        else:
            cable(gateway, f"{UPPER_CARD}/24", above, f"{UPPER}/24", "u")
        world = World(place, below, gateway, above, node, _upper(place))
        stack.callback(world.stop)
        try:
            world.start()
            yield world
        except BaseException:
            print(node.log_file.read_text("utf-8", "replace")[-6000:] if node.log_file.exists() else "no log")
            raise
