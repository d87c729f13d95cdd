"""The channels an ONVIF camera appears as: one per video source, under the codes that follow the first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from catalog import Item, civil_code_of, full_name
from gateway.onvif.camera import CameraFacts
from gateway.onvif.profiles import MAX_SOURCES, VideoSource
from gateway.store.devices import Device

SERIAL_LIMIT = 1_000_000
PTZ_DOME = "1"
"""PTZType (摄像机结构类型) of a camera that moves (GB/T 28181-2022 A.2.1.9: 1 dome 球机)."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Video sources by channel code, in the order of the codes; `left_out` are codes that would have been next and are
    somebody else's, or do not exist. `tokens`: of every video source there has been, by the number of its code."""

    sources: dict[str, VideoSource]
    tokens: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def warning(self) -> tuple[str, str]:
        """What is to be said of sources that have no channel, in English and Chinese."""
        if not self.left_out:
            return "", ""
        codes = ", ".join(self.left_out[:4])
        return (
            f"Video sources without a channel: the codes {codes} are taken.",
            f"部分视频源未分配通道：编码 {codes} 已被占用。",
        )


def codes_from(first: str, count: int) -> list[str]:
    """The first code and those with the following serial numbers (序号, digits 15-20), as far as there are any."""
    serial = int(first[14:])
    return [f"{first[:14]}{serial + n:06}" for n in range(count) if serial + n < SERIAL_LIMIT]


def numbered(sources: Sequence[VideoSource], known: Sequence[str] = ()) -> tuple[str, ...]:
    """The tokens of all video sources by their numbers: those that are known keep theirs, new ones come after them. A
    camera none of whose sources is known is another one, or has got a new firmware: it begins anew."""
    tokens = [source.token for source in sources]
    if not set(tokens) & set(known):
        known = ()
    return tuple(dict.fromkeys([*known, *tokens]))[:MAX_SOURCES]


def assign(first: str, sources: Sequence[VideoSource], taken: Collection[str], known: Sequence[str] = ()) -> Channels:
    """A code for each video source that can be streamed. The n-th keeps the n-th code, whatever the others do, and
    whatever order the camera lists them in: `known` are the tokens of before. A code of somebody else is never taken,
    except the first, which is the operator's choice."""
    tokens = numbered(sources, known)
    codes = codes_from(first, len(tokens))
    numbers = {token: number for number, token in enumerate(tokens)}
    found: dict[str, VideoSource] = {}
    left_out = []
    for source in sorted(sources, key=lambda source: numbers.get(source.token, MAX_SOURCES)):
        if source.chosen is None:
            continue
        number = numbers.get(source.token, MAX_SOURCES)
        code = codes[number] if number < len(codes) else f"{first[:14]}{'9' * 6}+"
        if number and (code in taken or number >= len(codes)):
            left_out.append(code)
        else:
            found[code] = source
    return Channels(found, tokens, tuple(left_out))


def items_of(device: Device, facts: CameraFacts, channels: Channels) -> list[Item]:
    """The channels in the catalogue (目录项), as a camera that lists itself would describe them."""
    several = len(channels.sources) > 1
    return [_item(device, facts, code, source, several) for code, source in channels.sources.items()]


def _item(device: Device, facts: CameraFacts, code: str, source: VideoSource, several: bool) -> Item:
    region = civil_code_of(code)
    name = device.name or facts.model or code
    return Item(
        code=code,
        peer_id=device.id,
        name=f"{name} {source.name or source.token}" if several else name,
        manufacturer=facts.manufacturer,
        model=facts.model,
        civil_code=region,
        address=full_name(region),
        parent_ids=(device.id,),
        info={"PTZType": PTZ_DOME} if facts.source_moves(source) else {},
    ).storable()
