"""The media service (ver10/media): profiles in H.264 and JPEG."""

from __future__ import annotations

from interop.onvif import encodings
from interop.onvif.faults import not_supported
from interop.onvif.settings import Profile
from interop.onvif.state import Call, CameraState, Operations, SourceState
from interop.onvif.tree import Element, children, node


class MediaService:
    """Profiles, stream and snapshot addresses as the first generation of clients asks for them."""

    def __init__(self, state: CameraState) -> None:
        self._state = state
        self.operations: Operations = {
            "GetServiceCapabilities": self.service_capabilities,
            "GetProfiles": self.profiles,
            "GetProfile": self.profile,
            "GetVideoSources": self.video_sources,
            "GetVideoSourceConfigurations": self.video_source_configurations,
            "GetVideoEncoderConfigurations": self.video_encoder_configurations,
            "GetStreamUri": self.stream_uri,
            "GetSnapshotUri": self.snapshot_uri,
            "SetSynchronizationPoint": self.set_synchronization_point,
        }

    def service_capabilities(self, call: Call) -> Element:
        """What the service can."""
        return node(
            "trt:GetServiceCapabilitiesResponse",
            node(
                "trt:Capabilities",
                {"SnapshotUri": self._state.snapshot is not None, "Rotation": False, "OSD": False},
                node("trt:ProfileCapabilities", {"MaximumNumberOfProfiles": 32}),
                node("trt:StreamingCapabilities", {"RTPMulticast": False, "RTP_TCP": True, "RTP_RTSP_TCP": True}),
            ),
        )

    def _profile(self, name: str, state: SourceState, profile: Profile) -> Element:
        return node(
            name,
            {"token": profile.token, "fixed": True},
            node("tt:Name", profile.name or profile.token),
            encodings.source_configuration("tt:VideoSourceConfiguration", state),
            encodings.encoder("tt:VideoEncoderConfiguration", profile),
            encodings.ptz_configuration("tt:PTZConfiguration", state, self._state),
        )

    def profiles(self, call: Call) -> Element:
        """Every profile whole."""
        found = [self._profile("trt:Profiles", *one) for one in self._state.profiles(media2=False)]
        return node("trt:GetProfilesResponse", found)

    def profile(self, call: Call) -> Element:
        """One profile."""
        one = self._state.profile(call.received.token, media2=False)
        return node("trt:GetProfileResponse", self._profile("trt:Profile", *one))

    def video_sources(self, call: Call) -> Element:
        """The sensors."""
        found = []
        for state in self._state.sources.values():
            width, height = encodings.size_of(state)
            fps = max((profile.fps for profile in state.source.profiles), default=25.0)
            size = node("tt:Resolution", children({"tt:Width": width, "tt:Height": height}))
            found.append(node("trt:VideoSources", {"token": state.token}, node("tt:Framerate", fps), size))
        return node("trt:GetVideoSourcesResponse", found)

    def video_source_configurations(self, call: Call) -> Element:
        """One configuration of each sensor."""
        found = [encodings.source_configuration("trt:Configurations", state) for state in self._state.sources.values()]
        return node("trt:GetVideoSourceConfigurationsResponse", found)

    def video_encoder_configurations(self, call: Call) -> Element:
        """The encoder of each profile."""
        found = [encodings.encoder("trt:Configurations", profile) for _, profile in self._state.profiles(media2=False)]
        return node("trt:GetVideoEncoderConfigurationsResponse", found)

    def stream_uri(self, call: Call) -> Element:
        """Where the stream of a profile is."""
        _, profile = self._state.profile(call.received.token, media2=False)
        return node("trt:GetStreamUriResponse", _media_uri(encodings.stream_uri(profile, self._state)))

    def snapshot_uri(self, call: Call) -> Element:
        """Where a picture of a profile is."""
        _, profile = self._state.profile(call.received.token, media2=False)
        if self._state.snapshot is None:
            raise not_supported(reason="No snapshots")
        return node("trt:GetSnapshotUriResponse", _media_uri(encodings.snapshot_uri(profile, call.base)))

    def set_synchronization_point(self, call: Call) -> Element:
        """A key frame is asked for."""
        self._state.profile(call.received.token, media2=False)
        return node("trt:SetSynchronizationPointResponse")


def _media_uri(uri: str) -> Element:
    once = children({"tt:InvalidAfterConnect": False, "tt:InvalidAfterReboot": False})
    return node("trt:MediaUri", node("tt:Uri", uri), once, node("tt:Timeout", "PT0S"))
