"""Two network cards and NATs, in network namespaces: devices on one side of a gateway, an upper platform on the other,
no way between them but through the gateway. Every combination of media legs that can be, is; the others say why not."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from interop.wire import sipwire
from interop.wire.device import WireDevice
from interop.wire.manscdp import sdp_facts
from interop.wire.sipwire import fresh
from tests.stand.places import LEGS, PLACES, TRANSPORTS
from tests.stand.zone_world import (
    DEFAULT_PORTS,
    DEVICE,
    DEVICE_CARD,
    DEVICE_NAT,
    HIDDEN_DEVICE,
    HIDDEN_UPPER,
    NODE_ID,
    SIP,
    UPPER,
    UPPER_CARD,
    UPPER_PORTS,
    World,
    channel_of,
    device_id,
    running,
)

pytestmark = [pytest.mark.e2e, pytest.mark.netns, pytest.mark.timeout(120)]

THEIRS = {"udp": "udp", "tcp_passive": "tcp_active", "tcp_active": "tcp_passive"}
"""A transport as the other side sees it."""
FRAMES = 10

everywhere = pytest.mark.parametrize("world", PLACES, indirect=True, scope="module")


def at(*places: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("world", places, indirect=True, scope="module")


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
        assert (facts.tcp, facts.setup) == (top != "udp", None if top == "udp" else top.removeprefix("tcp_"))
        if call.goodbye is None:
            await call.bye()
        return [unit.sha256 for unit in call.units], call.faults, f"{facts.host}:{facts.port}"
    finally:
        call.close()


async def together(works: dict[tuple[str, str], Coroutine[Any, Any, Any]]) -> dict[tuple[str, str], Any]:
    outcomes = await asyncio.gather(*works.values(), return_exceptions=True)
    return dict(zip(works, outcomes, strict=True))


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
    possible = world.place.legs("works", "turned")
    assert len(possible) == (9 if world.place.upper_media_forwarded else 3)
    outcomes = world.above.run(together({legs: view(world, *legs) for legs in possible}))
    for (device, top), outcome in outcomes.items():
        assert not isinstance(outcome, BaseException), (device, top, repr(outcome))
        received, faults, media = outcome
        sent = [[unit.sha256 for unit in call.units] for call in world.devices[device].calls]
        assert any(received == run[run.index(received[0]) :][: len(received)] for run in sent if received[0] in run)
        assert not faults, (device, top)
        host, port = media.split(":")
        assert host == UPPER_CARD and int(port) in UPPER_PORTS


@everywhere
def test_a_device_is_asked_for_its_media_as_configured_unless_nobody_can_connect_to_it(world: World) -> None:
    for number, configured in enumerate(TRANSPORTS):
        used = world.place.used(configured)
        invites = [one for one in world.devices[configured].port.received if one.method == "INVITE"]
        assert invites
        for invite in invites:
            facts = sdp_facts(invite.body)
            assert (facts.tcp, facts.setup) == (used != "udp", None if used == "udp" else used.removeprefix("tcp_"))
        for path in (f"/api/v1/devices/{device_id(number)}", f"/api/v1/devices/{device_id(number)}/health"):
            media = world.api("GET", path)["media"]
            assert (media["configured"], media["transport"]) == (configured, used)
            assert media["behind_nat"] is world.place.device_behind_nat
            if world.place.device_behind_nat:
                assert (media["own_address"], media["seen_address"]) == (HIDDEN_DEVICE, DEVICE_NAT)
                assert "behind a NAT" in media["message"] and "NAT" in media["message_zh"]


@everywhere
def test_the_trace_of_a_call_says_where_the_device_connects_instead(world: World) -> None:
    turned = [step for step in world.steps() if step["what"] == "device is behind NAT: it connects to us instead"]
    assert bool(turned) is world.place.device_behind_nat
    for step in turned:
        assert step["configured"] == "tcp_active" and HIDDEN_DEVICE in step["reason"] and DEVICE_NAT in step["reason"]


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


async def cut_off(world: World, device: str, top: str) -> str:
    """Why the gateway hung up on a platform it cannot send to."""
    call = await world.upper.play(channel_of(device), transport=THEIRS[top])
    async with asyncio.timeout(30):
        await call.ended.wait()
    assert call.goodbye is not None and not call.units
    return call.goodbye.need("reason")


@at("upper behind NAT, SIP alone forwarded")
def test_a_combination_that_cannot_be_fails_in_words_on_both_sides(world: World) -> None:
    impossible = world.place.legs("fails")
    assert len(impossible) == 6 == len(LEGS) - len(world.place.legs("works"))
    outcomes = world.above.run(together({legs: cut_off(world, *legs) for legs in impossible}))
    said = {"udp": "No Way To Media Address", "tcp_active": "Media Connection Failed"}
    steps = {"udp": "media_unreachable", "tcp_active": "connect_failed"}
    told = world.steps()
    for (device, top), outcome in outcomes.items():
        assert not isinstance(outcome, BaseException), (device, top, repr(outcome))
        assert said[top] in outcome
    for step in steps.values():
        lost = [one["message"] for one in told if one["what"] == "lost" and one["step"] == step]
        assert len(lost) == 3
        for words in lost:
            assert f"it names {HIDDEN_UPPER}, but its requests come from {UPPER}: behind a NAT" in words
            assert "forward its media ports" in words and "connect to this node" in words
    suspected = [one for one in told if one["what"] == "media goes to another address than the requests come from"]
    assert len(suspected) == 6 and all(HIDDEN_UPPER in one["message"] for one in suspected)


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
