"""Live view, device leg x top leg x codec x depth: the access units that arrive are those that were sent.

Twice: with simulated cameras (real encoders, our own stack) and with hand-written ones that import nothing of ours. The
upper platform is always the hand-written one. The pictures are decoded too. Between the gateways the transport changes
from round to round, so that every link carries every kind.
"""

from __future__ import annotations

import asyncio
import io
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from interop.demo.node import NodeProcess
from interop.wire.call import WireCall
from tests.e2e.chain import Chain, running_chain

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PARTNERS = ("simulator", "wire")
TRANSPORTS = ("udp", "tcp_passive", "tcp_active")
CODECS = ("H264", "H265")
DEPTHS = (1, 2, 3)
FRAMES = 25


@dataclass(frozen=True)
class Outcome:
    """What one view brought."""

    received: list[str]
    expected: list[str]
    decoded: int
    decoded_codec: str
    faults: list[str]
    problem: str = ""


@dataclass
class Found:
    """What the views brought, and over what each gateway (0 the topmost) took in each channel."""

    outcomes: dict[Case, Outcome | BaseException] = field(default_factory=dict)
    taken_in: dict[tuple[int, int, str], str] = field(default_factory=dict)


Case = tuple[str, int, str, str, str]
CASES: list[Case] = list(itertools.product(PARTNERS, DEPTHS, CODECS, TRANSPORTS, TRANSPORTS))
CAMERAS = list(itertools.product(PARTNERS, CODECS, TRANSPORTS))


def channel_of(partner: str, codec: str, device: str) -> str:
    return f"34020100001320{PARTNERS.index(partner)}{CODECS.index(codec)}{TRANSPORTS.index(device)}001"


def link_transport(depth: int, device: str, link: int) -> str:
    """What the link that many steps below the top (0 the topmost) carries while cameras send over `device`."""
    return TRANSPORTS[(TRANSPORTS.index(device) + depth + link) % len(TRANSPORTS)]


async def view(chain: Chain, channel: str, top: str) -> Outcome:
    """Watch one channel over one kind of top leg for a while."""
    call = await chain.upper.play(channel, transport=top)
    await call.first_key(15)
    await call.frames(FRAMES, 30)
    await call.bye()
    return compare(chain, channel, call)


def compare(chain: Chain, channel: str, call: WireCall) -> Outcome:
    """The hashes received against the run of hashes sent that begins with the first one received."""
    received = [unit.sha256 for unit in call.units]
    problem = "" if call.units[0].key else "the first access unit is no key frame"
    sent_in_calls = sent_hashes(chain, channel)
    decoded, name = decode(call.ps)
    for sent in sent_in_calls:
        if received[0] in sent:
            start = sent.index(received[0])
            expected = sent[start : start + len(received)]
            return Outcome(received, expected, decoded, name, call.faults, problem)
    return Outcome(received, [], decoded, name, call.faults, "the first access unit was never sent")


def sent_hashes(chain: Chain, channel: str) -> list[list[str]]:
    """What the camera sent in each of its calls."""
    if channel in chain.devices:
        return [[unit.sha256 for unit in call.units] for call in chain.devices[channel].calls]
    return [[digest for digest, _ in session.sent.units] for session in chain.simulated[channel].sessions]


def decode(ps: bytes) -> tuple[int, str]:
    """How many pictures a decoder makes of a program stream, and its codec."""
    with av.open(io.BytesIO(ps), format="mpeg") as container:
        stream = container.streams.video[0]
        return sum(1 for _ in container.decode(stream)), stream.codec_context.name


async def watch_all(depth: int, directory: Path) -> Found:
    """All views of one depth, twelve at a time, on one running set."""
    async with running_chain(depth, directory) as chain:
        for partner, codec, device in CAMERAS:
            channel = channel_of(partner, codec, device)
            device_id = channel.replace("00132", "00111")
            add = chain.add_simulated if partner == "simulator" else chain.add_device
            await add(device_id, channel, codec=codec, media=device)
        await chain.shown_above(*(channel_of(*camera) for camera in CAMERAS))
        found = Found()
        for device in TRANSPORTS:
            for link in range(depth - 1):
                await chain.set_link(link, link_transport(depth, device, link))
            cases = [case for case in CASES if case[1] == depth and case[3] == device]
            views = [view(chain, channel_of(partner, codec, device), top) for partner, _, codec, _, top in cases]
            outcomes = await asyncio.gather(*views, return_exceptions=True)
            found.outcomes.update(zip(cases, outcomes, strict=True))
        for level, node in enumerate(chain.nodes):
            found.taken_in.update({(depth, level, code): kind for code, kind in await taken_in(node)})
        return found


async def taken_in(node: NodeProcess) -> list[tuple[str, str]]:
    """Every channel a gateway took in, and over which transport, from the traces of its calls."""
    traces = (await node.call("GET", "/api/v1/traces"))["items"]
    opened = [(one["stream"], step) for one in traces for step in one["steps"] if step["what"] == "media port open"]
    return [(stream.rpartition("/")[2], step["transport"]) for stream, step in opened]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Every view of every depth, watched once; the tests below look at the results."""
    found = Found()
    for depth in DEPTHS:
        one = asyncio.run(watch_all(depth, tmp_path_factory.mktemp(f"depth-{depth}")))
        found.outcomes |= one.outcomes
        found.taken_in |= one.taken_in
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_what_arrives_at_the_top_is_what_the_camera_sent(case: Case, found: Found) -> None:
    outcome = found.outcomes[case]
    if isinstance(outcome, BaseException):
        raise outcome
    assert not outcome.problem
    assert len(outcome.received) >= FRAMES
    assert outcome.received == outcome.expected
    assert outcome.decoded >= FRAMES - 2
    assert outcome.decoded_codec == {"H264": "h264", "H265": "hevc"}[case[2]]
    assert not outcome.faults


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_link_between_gateways_carried_every_transport(depth: int, found: Found) -> None:
    for level in range(depth):
        carried = {camera: found.taken_in[depth, level, channel_of(*camera)] for camera in CAMERAS}
        lowest = level == depth - 1
        assert carried == {
            camera: camera[2] if lowest else link_transport(depth, camera[2], level) for camera in CAMERAS
        }
        assert set(carried.values()) == set(TRANSPORTS)
