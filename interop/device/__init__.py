"""Simulated devices: behave like cameras and NVRs towards any platform, over the network only."""

from __future__ import annotations

from interop.device.device import Channel, DeviceSettings, Refused, SimulatedDevice
from interop.device.picture import PictureSettings

__all__ = ["Channel", "DeviceSettings", "PictureSettings", "Refused", "SimulatedDevice"]
