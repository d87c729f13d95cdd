"""WS-Discovery of a camera."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from interop.onvif import DiscoverySettings
from interop.onvif.discovery import (
    ANSWERS_PER_SECOND,
    MOST_BYTES,
    Announcement,
    WsDiscovery,
    own_address_towards,
    read_probe,
)
from tests.interop.onvif.conftest import SETTINGS, soon, visiting
from tests.stand.onvif_schemas import body_of, faults_of

NAMES = {
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "env": "http://www.w3.org/2003/05/soap-envelope",
}
CAMERA = Announcement(
    "SN-1", ("onvif://www.onvif.org/name/gate", "onvif://www.onvif.org/type/ptz"), ("http://127.0.0.1:80/",)
)
GROUP = "239.255.255.250"


def _probe(types: str = "dn:NetworkVideoTransmitter", scopes: str = "", message_id: str = "uuid:42") -> bytes:
    """A Probe as clients of ONVIF send it (ONVIF Application Programmer's Guide)."""
    return (
        f"<?xml version='1.0'?><e:Envelope xmlns:e='{NAMES['env']}' xmlns:w='{NAMES['a']}' xmlns:d='{NAMES['d']}' "
        "xmlns:dn='http://www.onvif.org/ver10/network/wsdl' xmlns:tds='http://www.onvif.org/ver10/device/wsdl'>"
        f"<e:Header><w:MessageID>{message_id}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
        f"<w:Action>{NAMES['d']}/Probe</w:Action></e:Header><e:Body><d:Probe><d:Types>{types}</d:Types>"
        f"<d:Scopes>{scopes}</d:Scopes></d:Probe></e:Body></e:Envelope>"
    ).encode()


class Client(asyncio.DatagramProtocol):
    """Hears datagrams; every one is judged by the schema of WS-Discovery."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.transport: Any = None

    async def open(self, sock: socket.socket | None = None) -> None:
        if sock is None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
        self.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)

    def ask(self, datagram: bytes, port: int, host: str = "127.0.0.1") -> None:
        self.transport.sendto(datagram, (host, port))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert faults_of(body_of(data)) == []
        self.heard.append(etree.fromstring(data))

    def one(self, path: str, number: int = -1) -> str:
        (found,) = self.heard[number].xpath(path, namespaces=NAMES)
        return found if isinstance(found, str) else str(found.text)

    def actions(self) -> list[str]:
        return [self.one(".//a:Action", number).rpartition("/")[2] for number in range(len(self.heard))]


async def test_a_probe_is_answered_to_whoever_asked() -> None:
    async with visiting(discovery=DiscoverySettings(port=0, group="")) as visitor:
        client = Client()
        await client.open()
        client.ask(_probe(), visitor.camera.discovery_port)
        await soon(lambda: len(client.heard) == 1)
        assert client.one(".//a:Action") == "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches"
        assert client.one(".//a:RelatesTo") == "uuid:42"
        assert client.one(".//d:XAddrs") == visitor.camera.address + "/onvif/device_service"
        assert client.one(".//d:Types") == "dn:NetworkVideoTransmitter tds:Device"
        assert "onvif://www.onvif.org/type/ptz" in client.one(".//d:Scopes").split()
        assert client.one(".//a:EndpointReference/a:Address").startswith("urn:uuid:")
        client.transport.close()


async def test_the_endpoint_is_the_same_after_a_restart_and_differs_between_cameras() -> None:
    assert CAMERA.endpoint == Announcement("SN-1", (), ()).endpoint
    assert CAMERA.endpoint != Announcement("SN-2", (), ()).endpoint


@pytest.mark.parametrize(
    ("types", "scopes", "meant"),
    [
        ("", "", True),
        ("tds:Device", "", True),
        ("dn:NetworkVideoTransmitter tds:Device", "", True),
        ("dn:NetworkVideoDisplay", "", False),
        ("", "onvif://www.onvif.org/name", True),
        ("", "onvif://www.onvif.org/name/gate onvif://www.onvif.org/type/ptz", True),
        ("", "onvif://www.onvif.org/nam", False),
        ("", "onvif://www.onvif.org/name/yard", False),
    ],
)
def test_a_camera_is_meant_by_its_types_and_scopes(types: str, scopes: str, meant: bool) -> None:
    probe = read_probe(_probe(types, scopes))
    assert probe is not None
    assert probe.meets(CAMERA) is meant


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"M-SEARCH * HTTP/1.1",
        b"<a",
        b" " * (MOST_BYTES + 1),
        _probe(message_id=""),
        _probe("x:NoPrefix"),
        _probe("Bare"),
    ],
)
def test_rubbish_is_no_probe(datagram: bytes) -> None:
    with pytest.raises(ValueError):
        read_probe(datagram)


def test_another_message_is_no_probe() -> None:
    assert read_probe(_probe().replace(b"d:Probe", b"d:Resolve")) is None


def test_a_probe_may_leave_out_types_and_scopes() -> None:
    bare = _probe().replace(b"<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes></d:Scopes>", b"")
    probe = read_probe(bare)
    assert probe is not None
    assert (probe.types, probe.scopes) == (frozenset(), ())


async def test_rubbish_is_counted_and_survived_and_questions_are_limited() -> None:
    discovery = WsDiscovery(DiscoverySettings(port=0, group=""), lambda asker: CAMERA, now=lambda: 5.0)
    client = Client()
    await client.open()
    await discovery.start()
    client.ask(b"rubbish", discovery.port)
    for _ in range(ANSWERS_PER_SECOND + 3):
        client.ask(_probe(), discovery.port)
    client.ask(_probe("dn:NetworkVideoDisplay"), discovery.port)
    await soon(lambda: discovery.ignored == 3)
    await soon(lambda: len(client.heard) == ANSWERS_PER_SECOND)
    assert discovery.malformed == 1
    discovery.error_received(ConnectionRefusedError())
    await discovery.stop()
    await discovery.stop()
    client.transport.close()


async def test_it_says_hello_and_bye_to_the_group_and_hears_the_group() -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((GROUP, 0))
    port = listening.getsockname()[1]
    member = socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1")
    listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    crowd, client = Client(), Client()
    await crowd.open(listening)
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.bind(("127.0.0.1", 0))
    asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    await client.open(asking)
    crowd.datagram_received = _only_from_cameras(crowd)  # type: ignore[method-assign]
    async with visiting(discovery=DiscoverySettings(port=port)):
        await soon(lambda: crowd.actions() == ["Hello"])
        client.ask(_probe(), port, GROUP)
        await soon(lambda: client.actions() == ["ProbeMatches"])
    await soon(lambda: crowd.actions() == ["Hello", "Bye"])
    assert crowd.one(".//d:Bye//a:Address") == crowd.one(".//d:Hello//a:Address", 0)
    numbers = [client.one(".//@MessageNumber"), *(crowd.one(".//@MessageNumber", number) for number in (0, 1))]
    assert sorted(numbers) == ["1", "2", "3"]
    client.transport.close()
    crowd.transport.close()


def _only_from_cameras(crowd: Client) -> Any:
    def heard(data: bytes, addr: Any) -> None:
        if b"AppSequence" in data:
            Client.datagram_received(crowd, data, addr)

    return heard


async def test_a_camera_on_all_addresses_names_the_one_the_asker_reaches() -> None:
    async with visiting(replace(SETTINGS, host="0.0.0.0"), DiscoverySettings(port=0, group="")) as visitor:
        client = Client()
        await client.open()
        client.ask(_probe(), visitor.camera.discovery_port)
        await soon(lambda: len(client.heard) == 1)
        assert client.one(".//d:XAddrs") == f"http://127.0.0.1:{visitor.camera.port}/onvif/device_service"
        client.transport.close()
    assert own_address_towards(("127.0.0.1", 9)) == "127.0.0.1"
    assert own_address_towards(("255.255.255.255", 9)) == "127.0.0.1"


async def test_a_taken_port_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            async with visiting(discovery=DiscoverySettings(port=port, group="")):
                pass
