"""What an ONVIF camera says of itself: maker, clock, services, video sources, and where their streams are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import structlog

from gateway.errors import Failure, Reason
from gateway.onvif import media2
from gateway.onvif.client import OnvifClient, entries, part
from gateway.onvif.profiles import Profile, VideoSource, of_media, sources_of, together
from media.errors import LocalError
from media.rtsp.address import split

log = structlog.get_logger("onvif")

MAX_TEXT = 64
_RTSP_SETUP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """One camera. `streams` are RTSP addresses without login by the token of the video source; `moves`: it has a PTZ
    service; `has_events`: it tells of events."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    clock_offset_s: float | None
    sources: tuple[VideoSource, ...]
    streams: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    snapshots: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    moves: bool = False
    has_events: bool = False

    def source_moves(self, source: VideoSource) -> bool:
        """Whether a video source can be moved."""
        return self.moves and source.moving is not None


async def inspect(client: OnvifClient, wanted: str = "") -> CameraFacts:
    """Ask a camera everything that is needed of it; `wanted` is the token of a profile, or "". Raises Failure."""
    await client.learn_clock()
    about = part(await client.call("device", "GetDeviceInformation"))
    await client.learn_services()
    found = sources_of(await _profiles(client), await _order(client), wanted)
    if not any(source.chosen for source in found):
        codecs = sorted({profile.codec or "?" for source in found for profile in source.profiles})
        raise Failure(Reason.ONVIF_NO_PROFILE, f"offered: {', '.join(codecs)}" if codecs else "")
    if wanted and not any(source.chosen.token == wanted for source in found if source.chosen):
        offered = [profile.token for source in found for profile in source.profiles if profile.carried]
        raise Failure(Reason.ONVIF_NO_PROFILE, f"no {wanted!r} among {', '.join(offered[:16])}")
    chosen = {source.token: source.chosen for source in found if source.chosen is not None}
    return CameraFacts(
        manufacturer=_text(about.get("Manufacturer")),
        model=_text(about.get("Model")),
        firmware=_text(about.get("FirmwareVersion")),
        serial=_text(about.get("SerialNumber")),
        clock_offset_s=client.clock_offset_s,
        sources=found,
        streams=MappingProxyType({token: await stream_of(client, profile) for token, profile in chosen.items()}),
        snapshots=MappingProxyType(await _snapshots(client, chosen)),
        moves=client.offers("ptz"),
        has_events=client.offers("events"),
    )


async def stream_of(client: OnvifClient, profile: Profile) -> str:
    """The RTSP address of a profile, without login, as it is reached from here. Raises Failure."""
    if profile.media2 and client.media2 is not None:
        uri = await media2.stream_uri(client, client.media2, profile.token)
    else:
        answer = await client.call("media", "GetStreamUri", StreamSetup=_RTSP_SETUP, ProfileToken=profile.token)
        uri = str(part(answer).get("Uri") or "")
    try:
        address, _, _ = split(client.here(uri))
    except LocalError as error:
        raise Failure(Reason.ONVIF_NO_PROFILE, f"its stream address cannot be used: {error}") from error
    return str(address)


async def _profiles(client: OnvifClient) -> list[Profile]:
    modern: list[Profile] = []
    if client.media2 is not None:
        try:
            modern = await media2.profiles(client, client.media2)
        except Failure as failure:
            log.info("no profiles from Media2", camera=client.url, problem=failure.message)
    if not client.offers("media"):
        return modern
    return together(modern, of_media(await client.call("media", "GetProfiles")))


async def _order(client: OnvifClient) -> list[str]:
    """The tokens of its video sources in its own order."""
    try:
        answer = await client.call("media", "GetVideoSources") if client.offers("media") else []
    except Failure:
        return []
    return [str(entry["token"]) for entry in entries(answer) if entry.get("token")]


async def _snapshots(client: OnvifClient, chosen: Mapping[str, Profile]) -> dict[str, str]:
    """Where pictures are to be had, of those sources that have them."""
    found: dict[str, str] = {}
    for token, profile in chosen.items():
        try:
            if profile.media2 and client.media2 is not None:
                uri = await media2.snapshot_uri(client, client.media2, profile.token)
            else:
                uri = str(part(await client.call("media", "GetSnapshotUri", ProfileToken=profile.token)).get("Uri"))
            if uri.lower().startswith(("http://", "https://")):
                found[token] = client.here(uri)
        except Failure as failure:
            log.debug("no snapshot address", camera=client.url, problem=failure.message)
            if failure.reason is not Reason.ONVIF_FAULT:
                break
    return found


def _text(value: Any) -> str:
    return " ".join(str(value).split())[:MAX_TEXT] if value is not None else ""
