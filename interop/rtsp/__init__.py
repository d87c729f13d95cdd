"""Simulated cameras that speak RTSP: behave well and badly towards any client, over the network only."""

from __future__ import annotations

from interop.rtsp.camera import RtspCamera
from interop.rtsp.settings import Fault, RtspSettings, Stream

__all__ = ["Fault", "RtspCamera", "RtspSettings", "Stream"]
