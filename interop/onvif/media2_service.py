"""The Media2 service (ver20/media): profiles in H.264, H.265 and JPEG."""

from __future__ import annotations

from interop.onvif import encodings
from interop.onvif.faults import invalid, not_supported
from interop.onvif.settings import Profile
from interop.onvif.state import Call, CameraState, Operations, SourceState
from interop.onvif.tree import Element, node

PROTOCOLS = frozenset({"RtspUnicast", "RTSP", "RtspOverHttp"})


class Media2Service:
    """Profiles, stream and snapshot addresses as clients of profile T ask for them."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self.operations: Operations = {
            "GetServiceCapabilities": self.service_capabilities,
            "GetProfiles": self.profiles,
            "GetVideoSourceConfigurations": self.video_source_configurations,
            "GetVideoEncoderConfigurations": self.video_encoder_configurations,
            "GetStreamUri": self.stream_uri,
            "GetSnapshotUri": self.snapshot_uri,
            "SetSynchronizationPoint": self.set_synchronization_point,
        }

    def service_capabilities(self, call: Call) -> Element:
        """What the service can."""
        return node(
            "tr2:GetServiceCapabilitiesResponse",
            node(
                "tr2:Capabilities",
                {"SnapshotUri": self._state.snapshot is not None, "Rotation": False, "OSD": False},
                node(
                    "tr2:ProfileCapabilities",
                    {"MaximumNumberOfProfiles": 32, "ConfigurationsSupported": "VideoSource VideoEncoder PTZ"},
                ),
                node("tr2:StreamingCapabilities", {"RTSPStreaming": True, "RTPMulticast": False, "RTP_RTSP_TCP": True}),
            ),
        )

    def profiles(self, call: Call) -> Element:
        """Every profile, or one; with the configurations of the types asked for, without types none."""
        types = set(call.received.texts("Type"))
        chosen = self._state.profiles(media2=True)
        if call.received.token:
            chosen = [self._state.profile(call.received.token)]
        return node("tr2:GetProfilesResponse", [self._profile(types, *one) for one in chosen])

    def _profile(self, types: set[str], state: SourceState, profile: Profile) -> Element:
        parts = {
            "VideoSource": encodings.source_configuration("tr2:VideoSource", state),
            "VideoEncoder": encodings.encoder2("tr2:VideoEncoder", profile),
            "PTZ": encodings.ptz_configuration("tr2:PTZ", state, self._state),
        }
        wanted = [part for kind, part in parts.items() if kind in types or "All" in types]
        return node(
            "tr2:Profiles",
            {"token": profile.token, "fixed": True},
            node("tr2:Name", profile.name or profile.token),
            node("tr2:Configurations", wanted) if types else None,
        )

    def _chosen(self, call: Call) -> list[tuple[SourceState, Profile]]:
        """The profiles a question about configurations is about: of one profile, of one configuration, or all."""
        profile = call.received.text("ProfileToken")
        return [self._state.profile(profile)] if profile else self._state.profiles(media2=True)

    def video_source_configurations(self, call: Call) -> Element:
        """Configurations of sensors."""
        token = call.received.text("ConfigurationToken")
        states = {state.token: state for state, _ in self._chosen(call)}
        found = [
            encodings.source_configuration("tr2:Configurations", state)
            for state in states.values()
            if token in ("", encodings.source_configuration_token(state))
        ]
        return _configurations("tr2:GetVideoSourceConfigurationsResponse", found, token)

    def video_encoder_configurations(self, call: Call) -> Element:
        """Configurations of encoders."""
        token = call.received.text("ConfigurationToken")
        found = [
            encodings.encoder2("tr2:Configurations", profile)
            for _, profile in self._chosen(call)
            if token in ("", encodings.encoder_token(profile))
        ]
        return _configurations("tr2:GetVideoEncoderConfigurationsResponse", found, token)

    def stream_uri(self, call: Call) -> Element:
        """Where the stream of a profile is."""
        _, profile = self._state.profile(call.received.text("ProfileToken"))
        if (protocol := call.received.text("Protocol")) not in PROTOCOLS:
            raise invalid("ter:InvalidStreamSetup", f"No streams by {protocol!r}")
        return node("tr2:GetStreamUriResponse", node("tr2:Uri", encodings.stream_uri(profile, self._state)))

    def snapshot_uri(self, call: Call) -> Element:
        """Where a picture of a profile is."""
        _, profile = self._state.profile(call.received.token)
        if self._state.snapshot is None:
            raise not_supported(reason="No snapshots")
        return node("tr2:GetSnapshotUriResponse", node("tr2:Uri", encodings.snapshot_uri(profile, call.base)))

    def set_synchronization_point(self, call: Call) -> Element:
        """A key frame is asked for."""
        self._state.profile(call.received.token)
        return node("tr2:SetSynchronizationPointResponse")


def _configurations(name: str, found: list[Element], token: str) -> Element:
    if token and not found:
        raise invalid("ter:NoConfig", f"No configuration {token!r}")
    return node(name, found)
