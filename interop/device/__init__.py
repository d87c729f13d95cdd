"""Simulated devices: behave like cameras and NVRs towards any platform, over the network only."""

from __future__ import annotations

from interop.device.device import SimulatedDevice
from interop.device.picture import PictureSettings
from interop.device.registration import Refused
from interop.device.settings import Channel, DeviceSettings

__all__ = ["Channel", "DeviceSettings", "PictureSettings", "Refused", "SimulatedDevice"]
