"""The device service (ONVIF Core 8, ver10/device)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from interop.onvif.faults import invalid, not_supported
from interop.onvif.names import NS, PATHS
from interop.onvif.received import Received
from interop.onvif.state import Call, CameraState, Operations
from interop.onvif.tree import Element, children, node

VERSIONS: Final = {"tds": (2, 60), "trt": (2, 60), "tr2": (2, 60), "tptz": (2, 60), "timg": (2, 60), "tev": (2, 60)}
CATEGORIES: Final = ("Device", "Events", "Imaging", "Media", "PTZ")
TIME_ZONE: Final = "CST-8"


class DeviceService:
    """Who the camera is, what it can, what time it has."""

    def __init__(self, state: CameraState, capabilities: Operations) -> None:
        """`capabilities` has GetServiceCapabilities of the other services, by prefix."""
        self._state = state
        self._capabilities = {**capabilities, "tds": self.service_capabilities}
        self.operations: Operations = {
            "GetSystemDateAndTime": self.system_date_and_time,
            "SetSystemDateAndTime": self.set_system_date_and_time,
            "GetDeviceInformation": self.device_information,
            "GetCapabilities": self.capabilities,
            "GetServices": self.services,
            "GetServiceCapabilities": self.service_capabilities,
            "GetScopes": self.scopes,
            "GetHostname": self.hostname,
            "GetNetworkInterfaces": self.network_interfaces,
        }

    def system_date_and_time(self, call: Call) -> Element:
        """The camera's clock; answered to anybody, so that a client can learn how far its own is away."""
        now = datetime.fromtimestamp(self._state.clock.utc(), UTC)
        return node(
            "tds:GetSystemDateAndTimeResponse",
            node(
                "tds:SystemDateAndTime",
                node("tt:DateTimeType", self._state.clock.source),
                node("tt:DaylightSavings", False),
                node("tt:TimeZone", node("tt:TZ", TIME_ZONE)),
                node(
                    "tt:UTCDateTime",
                    node("tt:Time", children({"tt:Hour": now.hour, "tt:Minute": now.minute, "tt:Second": now.second})),
                    node("tt:Date", children({"tt:Year": now.year, "tt:Month": now.month, "tt:Day": now.day})),
                ),
            ),
        )

    def set_system_date_and_time(self, call: Call) -> Element:
        """Set the clock by hand, or let it follow NTP."""
        received = call.received
        match received.text("DateTimeType"):
            case "NTP":
                self._state.clock.follow_ntp()
            case "Manual":
                self._state.clock.set_by_hand(_moment(received))
            case other:
                raise invalid("ter:InvalidDateTime", f"No DateTimeType {other!r}")
        return node("tds:SetSystemDateAndTimeResponse")

    def device_information(self, call: Call) -> Element:
        """Maker, model, firmware, serial number."""
        settings = self._state.settings
        values = {
            "tds:Manufacturer": settings.manufacturer,
            "tds:Model": settings.model,
            "tds:FirmwareVersion": settings.firmware,
            "tds:SerialNumber": settings.serial,
            "tds:HardwareId": settings.model,
        }
        return node("tds:GetDeviceInformationResponse", children(values))

    def offered(self) -> list[str]:
        """Prefixes of the services this camera has."""
        settings = self._state.settings
        has = {
            "tr2": settings.media2,
            "tptz": any(source.ptz for source in settings.sources),
            "timg": any(source.imaging for source in settings.sources),
            "tev": settings.events,
        }
        return [prefix for prefix in PATHS if has.get(prefix, True)]

    def services(self, call: Call) -> Element:
        """Every service: namespace, address, version, capabilities where asked for."""
        with_capabilities = call.received.arguments.get("IncludeCapability") is True
        found = []
        for prefix in self.offered():
            major, minor = VERSIONS[prefix]
            answered = self._capabilities[prefix](call) if with_capabilities else None
            assert answered is None or isinstance(answered, Element)
            found.append(
                node(
                    "tds:Service",
                    node("tds:Namespace", NS[prefix]),
                    node("tds:XAddr", call.base + PATHS[prefix]),
                    node("tds:Capabilities", list(answered)) if answered is not None else None,
                    node("tds:Version", children({"tt:Major": major, "tt:Minor": minor})),
                )
            )
        return node("tds:GetServicesResponse", found)

    def service_capabilities(self, call: Call) -> Element:
        """What the device service can."""
        settings = self._state.settings
        return node(
            "tds:GetServiceCapabilitiesResponse",
            node(
                "tds:Capabilities",
                node("tds:Network", {"IPFilter": False, "IPVersion6": False, "DynDNS": False, "NTP": 1}),
                node(
                    "tds:Security",
                    {"TLS1.2": False, "UsernameToken": not settings.http_digest, "HttpDigest": settings.http_digest},
                ),
                node("tds:System", {"DiscoveryResolve": False, "DiscoveryBye": True, "FirmwareUpgrade": False}),
            ),
        )

    def capabilities(self, call: Call) -> Element:
        """The older answer to what GetServices says: addresses by category."""
        asked = call.received.texts("Category") or ("All",)
        offered = self.offered()
        parts = {
            "Device": self._device_part(call.base),
            "Events": self._events_part(call.base) if "tev" in offered else None,
            "Imaging": node("tt:Imaging", _xaddr(call, "timg")) if "timg" in offered else None,
            "Media": self._media_part(call),
            "PTZ": node("tt:PTZ", _xaddr(call, "tptz")) if "tptz" in offered else None,
        }
        if "All" not in asked:
            for category in asked:
                if parts.get(category) is None:
                    raise not_supported("ter:NoSuchService", reason=f"No service {category!r}")
            parts = {category: part for category, part in parts.items() if category in asked}
        return node("tds:GetCapabilitiesResponse", node("tds:Capabilities", parts.values()))

    def _device_part(self, base: str) -> Element:
        unsupported = ("DiscoveryResolve", "RemoteDiscovery", "SystemBackup", "SystemLogging", "FirmwareUpgrade")
        system: dict[str, bool] = {name: False for name in unsupported} | {"DiscoveryBye": True}
        order = ("DiscoveryResolve", "DiscoveryBye", *unsupported[1:])
        security = (
            "TLS1.1", "TLS1.2", "OnboardKeyGeneration", "AccessPolicyConfig", "X.509Token", "SAMLToken",
            "KerberosToken", "RELToken",
        )  # fmt: skip
        return node(
            "tt:Device",
            node("tt:XAddr", base + PATHS["tds"]),
            node(
                "tt:System",
                [node(f"tt:{name}", system[name]) for name in order],
                node("tt:SupportedVersions", children({"tt:Major": 2, "tt:Minor": 60})),
            ),
            node("tt:Security", [node(f"tt:{name}", False) for name in security]),
        )

    def _events_part(self, base: str) -> Element:
        return node(
            "tt:Events",
            node("tt:XAddr", base + PATHS["tev"]),
            node("tt:WSSubscriptionPolicySupport", False),
            node("tt:WSPullPointSupport", True),
            node("tt:WSPausableSubscriptionManagerInterfaceSupport", False),
        )

    def _media_part(self, call: Call) -> Element:
        streaming = children({"tt:RTPMulticast": False, "tt:RTP_TCP": True, "tt:RTP_RTSP_TCP": True})
        return node("tt:Media", _xaddr(call, "trt"), node("tt:StreamingCapabilities", streaming))

    def scopes(self, call: Call) -> Element:
        """What the camera calls itself in discovery."""
        items = scopes_of(self._state)
        return node(
            "tds:GetScopesResponse",
            [node("tds:Scopes", node("tt:ScopeDef", "Fixed"), node("tt:ScopeItem", item)) for item in items],
        )

    def hostname(self, call: Call) -> Element:
        """The camera's name in its network."""
        name = "".join(character if character.isalnum() else "-" for character in self._state.settings.name)
        return node(
            "tds:GetHostnameResponse",
            node("tds:HostnameInformation", node("tt:FromDHCP", False), node("tt:Name", name)),
        )

    def network_interfaces(self, call: Call) -> Element:
        """One network card with the address the camera listens on."""
        address = node("tt:Manual", node("tt:Address", self._state.settings.host), node("tt:PrefixLength", 24))
        return node(
            "tds:GetNetworkInterfacesResponse",
            node(
                "tds:NetworkInterfaces",
                {"token": "eth0"},
                node("tt:Enabled", True),
                node("tt:Info", node("tt:Name", "eth0"), node("tt:HwAddress", hardware_address(self._state))),
                node(
                    "tt:IPv4",
                    node("tt:Enabled", True),
                    node("tt:Config", address, node("tt:DHCP", False)),
                ),
            ),
        )


def scopes_of(state: CameraState) -> list[str]:
    """The scopes of a camera (ONVIF Core 7.3.2.2)."""
    settings = state.settings
    head = "onvif://www.onvif.org/"
    found = [head + "type/video_encoder", head + "Profile/Streaming"]
    if settings.media2:
        found.append(head + "Profile/T")
    if any(source.ptz for source in settings.sources):
        found.append(head + "type/ptz")
    named = {"hardware": settings.model, "name": settings.name, "location": settings.location}
    return found + [f"{head}{key}/{quote(value, safe='')}" for key, value in named.items() if value]


def hardware_address(state: CameraState) -> str:
    """A MAC address, locally administered, from the serial number."""
    digits = "".join(character for character in state.settings.serial if character.isdigit())[-8:].zfill(8)
    return ":".join(["02", "00", *(digits[index : index + 2] for index in range(0, 8, 2))])


def _xaddr(call: Call, prefix: str) -> Element:
    return node("tt:XAddr", call.base + PATHS[prefix])


def _moment(received: Received) -> float:
    names = ("Date.Year", "Date.Month", "Date.Day", "Time.Hour", "Time.Minute", "Time.Second")
    parts = [received.number(f"UTCDateTime.{name}") for name in names]
    try:
        year, month, day, hour, minute, second = (int(part) for part in parts if part is not None)
        if not 1970 <= year < 2100:
            raise ValueError(year)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise invalid("ter:InvalidDateTime", "UTCDateTime is not a date and time") from None
