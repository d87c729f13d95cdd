"""Media half of GB/T 28181: RTP, program streams, elementary streams. Knows no SIP.

This is the front door for the formats. What needs an encoder or decoder is imported by its own name:
``media.fmp4`` and ``media.snapshot``. The worker processes live in ``media.worker``.
"""

from __future__ import annotations

from media.errors import LocalError, MediaError, RemoteError
from media.es.annexb import nal_units
from media.es.depacketize import EsDepacketizer
from media.es.packetize import h264_payloads, h265_payloads
from media.es.parameter_sets import ParameterSets
from media.keyframe import KeyFrameFinder
from media.ps.demuxer import PsDemuxer, PsLimits
from media.ps.muxer import PsMuxer
from media.ps.packetize import RtpPacketizer
from media.ps.tolerance import PsTolerance
from media.reception import Reception
from media.reorder import ReorderBuffer
from media.rtcp import SenderReport, SourceDescription, build_compound, ntp_of
from media.rtp import RtpHeader, RtpPacket, build_header, is_rtcp, is_rtp, parse_header
from media.rtp_over_tcp import Rfc4571Framer, frame
from media.sniff import PayloadKind, alien_protocol, sniff
from media.unit import AccessUnit

__all__ = [
    "AccessUnit",
    "EsDepacketizer",
    "KeyFrameFinder",
    "LocalError",
    "MediaError",
    "ParameterSets",
    "PayloadKind",
    "PsDemuxer",
    "PsLimits",
    "PsMuxer",
    "PsTolerance",
    "Reception",
    "RemoteError",
    "ReorderBuffer",
    "Rfc4571Framer",
    "RtpHeader",
    "RtpPacket",
    "RtpPacketizer",
    "SenderReport",
    "SourceDescription",
    "alien_protocol",
    "build_compound",
    "build_header",
    "frame",
    "h264_payloads",
    "h265_payloads",
    "is_rtcp",
    "is_rtp",
    "nal_units",
    "ntp_of",
    "parse_header",
    "sniff",
]
