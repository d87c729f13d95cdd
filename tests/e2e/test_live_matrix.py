"""Live view, device leg x top leg x codec x depth: the access units that arrive are those that were sent.

Twice: with simulated cameras (real encoders, our own stack) and with hand-written ones that import nothing of ours. The
upper platform is always the hand-written one. The pictures are decoded too.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from interop.wire.call import WireCall
from tests.e2e.chain import Chain, running_chain

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

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


PARTNERS = ("simulator", "wire")
Case = tuple[str, int, str, str, str]
CASES: list[Case] = [
    (partner, depth, codec, device, top)
    for partner in PARTNERS
    for depth in DEPTHS
    for codec in CODECS
    for device in TRANSPORTS
    for top in TRANSPORTS
]


def channel_of(codec: str, device: str) -> str:
    return f"340201000013200{CODECS.index(codec)}{TRANSPORTS.index(device)}001"


async def view(chain: Chain, codec: str, device: str, top: str) -> Outcome:
    """Watch one channel over one kind of top leg for a while."""
    channel = channel_of(codec, device)
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


async def watch_all(partner: str, depth: int, directory: Path) -> dict[Case, Outcome | BaseException]:
    """All eighteen views of one depth, nine at a time, on one running set."""
    async with running_chain(depth, directory, media=("tcp_passive", "udp")) as chain:
        for number, codec in enumerate(CODECS):
            for order, device in enumerate(TRANSPORTS):
                device_id = f"340201000011100{number}{order}001"
                add = chain.add_simulated if partner == "simulator" else chain.add_device
                await add(device_id, channel_of(codec, device), codec=codec, media=device)
        await chain.channels_at(chain.top, len(CODECS) * len(TRANSPORTS))
        results: dict[Case, Outcome | BaseException] = {}
        for codec in CODECS:
            cases = [(partner, depth, codec, device, top) for device in TRANSPORTS for top in TRANSPORTS]
            outcomes = await asyncio.gather(
                *(view(chain, codec, device, top) for _, _, codec, device, top in cases), return_exceptions=True
            )
            results.update(zip(cases, outcomes, strict=True))
        return results


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, Outcome | BaseException]]:
    """Every view of every depth, watched once; the tests below look at the results."""
    found: dict[Case, Outcome | BaseException] = {}
    for partner in PARTNERS:
        for depth in DEPTHS:
            found |= asyncio.run(watch_all(partner, depth, tmp_path_factory.mktemp(f"{partner}-{depth}")))
    yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_what_arrives_at_the_top_is_what_the_camera_sent(
    case: Case, outcomes: dict[Case, Outcome | BaseException]
) -> None:
    outcome = outcomes[case]
    if isinstance(outcome, BaseException):
        raise outcome
    assert not outcome.problem
    assert len(outcome.received) >= FRAMES
    assert outcome.received == outcome.expected
    assert outcome.decoded >= FRAMES - 2
    assert outcome.decoded_codec == {"H264": "h264", "H265": "hevc"}[case[2]]
    assert not outcome.faults
