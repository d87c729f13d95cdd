"""Names of ONVIF and of the standards it stands on: XML namespaces, services, coordinate spaces, topics."""

from __future__ import annotations

from typing import Final

NS: Final = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "ter": "http://www.onvif.org/ver10/error",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tns1": "http://www.onvif.org/ver10/topics",
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wstop": "http://docs.oasis-open.org/wsn/t-1",
    "wsrf-rw": "http://docs.oasis-open.org/wsrf/rw-2",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "xs": "http://www.w3.org/2001/XMLSchema",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "wsa4": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "wsd": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
}

SERVICES: Final = {"tds": "device", "trt": "media", "tr2": "media2", "tptz": "ptz", "timg": "imaging", "tev": "events"}
"""Namespace prefix of a service to the name it has here, in paths and in what was received."""

PATHS: Final = {prefix: f"/onvif/{name}_service" for prefix, name in SERVICES.items()}
SUBSCRIPTION_PATH: Final = "/onvif/subscription/"
SNAPSHOT_PATH: Final = "/onvif/snapshot/"

SPACES: Final = "http://www.onvif.org/ver10/tptz/"
PAN_TILT_POSITION: Final = SPACES + "PanTiltSpaces/PositionGenericSpace"
PAN_TILT_TRANSLATION: Final = SPACES + "PanTiltSpaces/TranslationGenericSpace"
PAN_TILT_VELOCITY: Final = SPACES + "PanTiltSpaces/VelocityGenericSpace"
PAN_TILT_SPEED: Final = SPACES + "PanTiltSpaces/GenericSpeedSpace"
ZOOM_POSITION: Final = SPACES + "ZoomSpaces/PositionGenericSpace"
ZOOM_TRANSLATION: Final = SPACES + "ZoomSpaces/TranslationGenericSpace"
ZOOM_VELOCITY: Final = SPACES + "ZoomSpaces/VelocityGenericSpace"
ZOOM_SPEED: Final = SPACES + "ZoomSpaces/ZoomGenericSpeedSpace"

CELL_MOTION: Final = "tns1:RuleEngine/CellMotionDetector/Motion"
MOTION_ALARM: Final = "tns1:VideoSource/MotionAlarm"


def qualified(name: str) -> str:
    """`tt:Name` as `{http://www.onvif.org/ver10/schema}Name`; no prefix stays as it is."""
    prefix, colon, local = name.partition(":")
    return f"{{{NS[prefix]}}}{local}" if colon else name
