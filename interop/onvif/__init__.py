"""Simulated ONVIF cameras: SOAP services, snapshot and WS-Discovery, over the network only."""

from __future__ import annotations

from interop.onvif.camera import OnvifCamera
from interop.onvif.discovery import DiscoverySettings
from interop.onvif.received import Received
from interop.onvif.settings import CameraSettings, Preset, Profile, VideoSource

__all__ = ["CameraSettings", "DiscoverySettings", "OnvifCamera", "Preset", "Profile", "Received", "VideoSource"]
