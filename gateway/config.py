"""Configuration: one TOML file, environment overrides, frozen values.

Every key is a field of a frozen dataclass below with a default, its unit in its name and one line of documentation,
from which :func:`reference` writes docs/configuration.md. ``GBGATEWAY_SECTION__KEY`` in the environment overrides
``[section] key``; lists are comma separated there. A mistake is a :class:`ConfigError` naming file, line and key.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from gateway.config_key import (
    ConfigError,
    address,
    between,
    digits,
    each_address,
    each_of,
    each_target,
    from_text,
    from_toml,
    key,
    one_of,
)
from gateway.config_zones import CONNECT, ZoneConfig, name_problem, zone_problems
from gateway.secrets import Secret

__all__ = ["SECTIONS", "Config", "ConfigError", "check", "load", "reference"]

ENV_PREFIX = "GBGATEWAY_"
CHARSETS = ("GB2312", "GB18030", "UTF-8")
EDITIONS = ("2016", "2022")
TRANSPORTS = ("udp", "tcp")
MEDIA_TRANSPORTS = ("udp", "tcp_passive", "tcp_active")


_PORT = between(0, 65535)


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Who this node is."""

    id: str = key("34020000002000000001", "20-digit code of this platform (type 200).", digits(20))
    name: str = key("gb28181-gateway", "Name shown to peers and in the console.")
    address: str = key("", "Where this platform is, shown to upper platforms; empty: the name of its region.")
    domain: str = key(
        "", "SIP domain and digest realm, 10 digits; empty: the first 10 digits of the id.", digits(10, optional=True)
    )
    data_dir: Path = key(Path("/var/lib/gbgateway"), "Directory of databases, ledger, key and worker sockets.")
    charset: str = key(
        "GB18030", "Character set of MANSCDP bodies where the peer has none of its own.", one_of(*CHARSETS)
    )
    edition: str = key("2022", "Newest edition of GB/T 28181 spoken here.", one_of(*EDITIONS))

    nat_addresses: tuple[str, ...] = key(
        (),
        "Addresses of NAT routers that forward to this machine: self-check does not look for them here.",
        each_address,
    )

    @property
    def realm(self) -> str:
        """The digest realm and SIP domain (10 digits)."""
        return self.domain or self.id[:10]


@dataclass(frozen=True, slots=True)
class SipConfig:
    """The SIP port."""

    host: str = key("0.0.0.0", "Address to listen on.", address)
    port: int = key(5060, "Port to listen on; 0 takes a free one.", _PORT)
    transports: tuple[str, ...] = key(("udp", "tcp"), "Transports to listen on.", each_of(*TRANSPORTS))
    advertised_host: str = key(
        "", "Address written into Via, Contact and SDP origin; empty: the local address towards the peer.", address
    )
    user_agent: str = key("gb28181-gateway", "User-Agent header.")
    request_timeout_seconds: float = key(8.0, "How long an answer to a request is waited for.", between(1, 64))
    invite_timeout_seconds: float = key(10.0, "How long a final answer to an INVITE is waited for.", between(1, 64))
    max_connections: int = key(20_000, "Most simultaneous TCP connections.", between(1, 1_000_000))
    ban_after_failures: int = key(
        20, "Failed authentications of one source within ban_seconds that ban it.", between(1, 10_000)
    )
    ban_seconds: int = key(300, "How long a banned source is ignored.", between(1, 86_400))
    strict_codes: bool = key(False, "Refuse peers whose id is not 20 digits.")


@dataclass(frozen=True, slots=True)
class RegistrarConfig:
    """Devices and lower platforms that register here (下级接入)."""

    shared_password: Secret = key(
        Secret(""), "Password of devices that have none of their own; empty: each needs its own."
    )
    accept_unknown: bool = key(False, "Enrol an unknown device that authenticates with the shared password.")
    default_expires_seconds: int = key(3600, "Lifetime of a registration that names none.", between(60, 604_800))
    min_expires_seconds: int = key(60, "Shortest lifetime granted.", between(10, 86_400))
    max_expires_seconds: int = key(86_400, "Longest lifetime granted.", between(60, 604_800))
    nonce_lifetime_seconds: int = key(300, "Lifetime of a digest nonce.", between(10, 3600))
    keepalive_interval_seconds: int = key(60, "Interval at which keepalives are expected.", between(5, 3600))
    keepalive_misses: int = key(3, "Missed keepalives after which a device is offline.", between(1, 20))
    keepalive_learned_min_seconds: int = key(
        10, "Shortest interval taken from what a device really sends.", between(1, 3600)
    )
    keepalive_learned_max_seconds: int = key(
        300,
        "Longest interval taken from what a device really sends, where the expected one is no longer.",
        between(5, 3600),
    )
    flaps_allowed: int = key(
        3, "Returns of a device within flap_window_seconds that are shown; after more it is unstable.", between(1, 100)
    )
    flap_window_seconds: int = key(600, "Time in which returns are counted.", between(10, 86_400))
    settle_seconds: int = key(
        120,
        "How long an unstable device has to stay, and be heard, before it is shown online; 0: its next message.",
        between(0, 86_400),
    )


@dataclass(frozen=True, slots=True)
class UplinkConfig:
    """Our registration at upper platforms (上级级联); each upper may have its own values."""

    register_expires_seconds: int = key(86_400, "Lifetime asked for.", between(60, 604_800))
    keepalive_seconds: int = key(60, "Interval of keepalives.", between(5, 3600))
    keepalive_misses: int = key(3, "Unanswered keepalives after which we register again.", between(1, 20))
    retry_seconds: float = key(60.0, "Wait before registering again after a failure.", between(1, 3600))
    retry_jitter_seconds: float = key(30.0, "Random addition to retry_seconds.", between(0, 3600))


@dataclass(frozen=True, slots=True)
class CatalogConfig:
    """The catalogue (目录)."""

    sync_on_register: bool = key(True, "Query the catalogue of a peer when it registers.")
    sync_interval_seconds: int = key(86_400, "Interval of full synchronisations; 0: never.", between(0, 2_592_000))
    first_answer_seconds: float = key(20.0, "Wait for the first part of a catalogue.", between(1, 600))
    next_answer_seconds: float = key(5.0, "Wait for each further part.", between(1, 120))
    subscribe: bool = key(True, "Subscribe to catalogue changes of peers.")
    subscribe_expires_seconds: int = key(3600, "Lifetime of such a subscription.", between(60, 86_400))
    items_per_udp_message: int = key(2, "Items in one MESSAGE over UDP.", between(1, 50))
    items_per_tcp_message: int = key(100, "Items in one MESSAGE over TCP.", between(1, 10_000))


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The HTTP API and console."""

    host: str = key("127.0.0.1", "Address to listen on.", address)
    port: int = key(8080, "Port to listen on; 0 takes a free one.", _PORT)
    tls_certificate: str = key("", "PEM file of the certificate chain; empty: plain HTTP.")
    tls_key: str = key("", "PEM file of its private key.")
    max_body_bytes: int = key(1_048_576, "Largest request body accepted.", between(1024, 104_857_600))
    session_seconds: int = key(28_800, "Lifetime of a login.", between(60, 604_800))
    session_idle_seconds: int = key(1800, "A login unused for that long ends.", between(60, 86_400))
    login_attempts: int = key(5, "Failed logins of one user after which the account is locked.", between(1, 100))
    lockout_seconds: int = key(900, "How long a locked account stays locked.", between(1, 86_400))
    logins_per_minute: int = key(20, "Login attempts one source address may make per minute.", between(1, 10_000))
    allowed_origins: tuple[str, ...] = key((), "Origins of other web applications that may call the API (CORS).")


@dataclass(frozen=True, slots=True)
class MediaConfig:
    """Media relay and browser streams."""

    host: str = key("0.0.0.0", "Address media sockets bind to.", address)
    advertised_host: str = key("", "Address written into SDP; empty: the local address towards the peer.", address)
    port_min: int = key(30000, "First media port.", between(1024, 65534))
    port_max: int = key(34999, "Last media port.", between(1025, 65535))
    device_transport: str = key(
        "tcp_passive", "Media transport towards devices that have no preference.", one_of(*MEDIA_TRANSPORTS)
    )
    connect_to_devices: str = key(
        "auto",
        "Whether devices configured tcp_active are connected to: yes; no, they connect to this node; auto, only those "
        "behind a NAT do (their REGISTER names another address than it comes from).",
        one_of(*CONNECT),
    )
    relay_workers: int = key(1, "Relay worker processes.", between(1, 256))
    source_workers: int = key(1, "Source worker processes (RTSP cameras).", between(0, 256))
    stream_workers: int = key(1, "Stream worker processes (browser streams, snapshots).", between(0, 256))
    http_host: str = key("127.0.0.1", "Address the browser streams are served on.", address)
    http_port: int = key(
        8081, "First port the browser streams are served on, one per stream worker; 0 takes free ones.", _PORT
    )
    public_url: str = key(
        "",
        "Base URL of the browser streams as viewers see it, {port} standing for the port of the stream's worker; "
        "empty: http_host, or where that is every address the host the viewer reached the API at.",
    )
    webrtc_viewers: int = key(200, "Most WebRTC viewers per stream worker; 0: no WebRTC.", between(0, 10_000))
    webrtc_hosts: tuple[str, ...] = key(
        (),
        "Addresses WebRTC viewers send to, those of a NAT in front included; empty: media.advertised_host, else "
        "media.host, else where a viewer reached the worker and the addresses of the network cards.",
        each_address,
    )
    webrtc_port_min: int = key(0, "First UDP port of WebRTC viewers; 0: media.port_min.", between(0, 65535))
    webrtc_port_max: int = key(0, "Last UDP port of WebRTC viewers; 0: media.port_max.", between(0, 65535))
    linger_seconds: float = key(10.0, "How long a stream without viewers is kept.", between(0, 3600))
    first_packet_seconds: float = key(8.0, "Wait for the first media packet.", between(1, 120))
    key_frame_seconds: float = key(12.0, "Wait for the first key frame after the first media packet.", between(1, 120))
    silent_seconds: float = key(15.0, "A stream without packets for that long is ended.", between(2, 600))
    snapshot_seconds: float = key(10.0, "Wait for a snapshot.", between(1, 120))
    gop_cache_bytes: int = key(
        4_194_304, "Largest group of pictures kept per stream for late joiners; 0: none.", between(0, 134_217_728)
    )
    max_streams: int = key(2000, "Most simultaneous streams from devices.", between(1, 100_000))
    session_limit_hours: float = key(
        24.0, "How long the number of streams is kept that a device was seen to refuse more than.", between(0.1, 8760)
    )
    session_probe_seconds: float = key(
        600.0, "After a refusal, one call above that number is tried when this has passed.", between(1, 86_400)
    )
    orphan_seconds: float = key(30.0, "How long workers carry on without the control process.", between(1, 600))

    @property
    def webrtc_ports(self) -> tuple[int, int]:
        """First and last UDP port of WebRTC viewers."""
        return self.webrtc_port_min or self.port_min, self.webrtc_port_max or self.port_max


@dataclass(frozen=True, slots=True)
class RtspConfig:
    """Cameras that speak RTSP only."""

    probe_seconds: float = key(
        60.0, "Interval at which a camera is asked whether it is there; 0: never.", between(0, 3600)
    )
    answer_seconds: float = key(8.0, "How long an answer of a camera is waited for.", between(1, 60))
    stall_seconds: float = key(8.0, "A camera that sends nothing for that long is called again.", between(1, 60))


@dataclass(frozen=True, slots=True)
class OnvifConfig:
    """Cameras that speak ONVIF; how often they are asked is in [rtsp]."""

    answer_seconds: float = key(8.0, "How long an answer of a camera is waited for.", between(1, 60))
    move_seconds: float = key(15.0, "A movement ends by itself after that time when no stop comes.", between(1, 600))
    discovery_targets: tuple[str, ...] = key(
        ("239.255.255.250:3702",), "Where cameras are looked for (WS-Discovery), address:port.", each_target
    )
    alarms: bool = key(True, "Have cameras tell of motion, tampering and their inputs, and pass it on.")


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """Viewing under the access rules."""

    grant_seconds: int = key(28_800, "Longest lifetime of one grant to view.", between(60, 604_800))
    view_token_seconds: int = key(300, "Lifetime of the address of a view that nobody opened yet.", between(10, 86_400))


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Log and traces."""

    level: str = key("info", "Least level written.", one_of("debug", "info", "warning", "error"))
    format: str = key("json", "json for machines, console for people.", one_of("json", "console"))
    call_traces: int = key(1000, "Call traces kept in memory.", between(0, 100_000))
    sip_trace: str = key("", "File every SIP message is written to, credentials masked; empty: none.")
    sip_trace_bytes: int = key(
        100_000_000, "Size at which that file is put aside as *.1, which is replaced.", between(10_000, 10_000_000_000)
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration of one node."""

    node: NodeConfig = field(default_factory=NodeConfig)
    sip: SipConfig = field(default_factory=SipConfig)
    registrar: RegistrarConfig = field(default_factory=RegistrarConfig)
    uplink: UplinkConfig = field(default_factory=UplinkConfig)
    catalog: CatalogConfig = field(default_factory=CatalogConfig)
    http: HttpConfig = field(default_factory=HttpConfig)
    media: MediaConfig = field(default_factory=MediaConfig)
    rtsp: RtspConfig = field(default_factory=RtspConfig)
    onvif: OnvifConfig = field(default_factory=OnvifConfig)
    access: AccessConfig = field(default_factory=AccessConfig)
    log: LogConfig = field(default_factory=LogConfig)
    zones: Mapping[str, ZoneConfig] = field(default_factory=dict)


SECTIONS: Mapping[str, type[Any]] = {name: kind for name, kind in get_type_hints(Config).items() if name != "zones"}


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration of ``path`` (None: defaults) with the overrides of ``environment``.

    Raises :class:`ConfigError` at the first mistake; :func:`check` lists them all.
    """
    config, mistakes = _read(path, os.environ if environment is None else environment)
    if mistakes:
        raise mistakes[0]
    return config


def check(path: Path | None = None, environment: Mapping[str, str] | None = None) -> list[ConfigError]:
    """Every mistake found, in order of appearance."""
    return _read(path, os.environ if environment is None else environment)[1]


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as given, and where."""

    value: Any
    source: str
    line: int | None


def _read(path: Path | None, environment: Mapping[str, str]) -> tuple[Config, list[ConfigError]]:
    mistakes: list[ConfigError] = []
    given = _from_file(path, mistakes) if path is not None else {}
    given |= _from_environment(environment, mistakes)
    sections: dict[str, Any] = {}
    for name, kind in SECTIONS.items():
        sections[name] = _section(name, kind, given, mistakes)
    names = dict.fromkeys(section.removeprefix("zones.") for section, _ in given if section.startswith("zones."))
    zones = {name: _section(f"zones.{name}", ZoneConfig, given, mistakes) for name in names}
    config = Config(**sections, zones=zones)
    if not mistakes:
        mistakes += _across(config, given)
    return config, mistakes


def _from_file(path: Path, mistakes: list[ConfigError]) -> dict[tuple[str, str], _Given]:
    source = str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(ConfigError(source, None, "", f"cannot be read: {error}"))
        return {}
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        last = int(place[1]) if place else text.count("\n") + 1
        mistakes.append(ConfigError(source, last, "", str(error)))
        return {}
    given: dict[tuple[str, str], _Given] = {}
    for section, table in _tables(document):
        kind = _kind(section)
        if kind is None or not isinstance(table, dict):
            mistakes.append(ConfigError(source, line_of(text, section), section, _no_section(section)))
            continue
        given[section, ""] = _Given(None, source, line_of(text, section))
        known = {item.name for item in fields(kind)}
        for name, value in table.items():
            line = line_of(text, section, name)
            if name in known:
                given[section, name] = _Given(value, source, line)
            else:
                mistakes.append(ConfigError(source, line, f"{section}.{name}", f"no such key{_meant(name, known)}"))
    return given


def _tables(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The sections of a file; each zone is one."""
    for section, table in document.items():
        if section == "zones" and isinstance(table, dict):
            yield from ((f"zones.{name}", zone) for name, zone in table.items())
        else:
            yield section, table


def _kind(section: str) -> type[Any] | None:
    """What declares the keys of a section; None when there is no such section."""
    if section.startswith("zones."):
        return None if name_problem(section.removeprefix("zones.")) else ZoneConfig
    return SECTIONS.get(section)


def _no_section(section: str) -> str:
    if section.startswith("zones."):
        return name_problem(section.removeprefix("zones.")) or "write [zones.NAME]"
    return "write [zones.NAME]" if section == "zones" else "no such section"


def _from_environment(environment: Mapping[str, str], mistakes: list[ConfigError]) -> dict[tuple[str, str], _Given]:
    given: dict[tuple[str, str], _Given] = {}
    for variable, text in sorted(environment.items()):
        section, separator, name = variable.removeprefix(ENV_PREFIX).lower().partition("__")
        if not variable.startswith(ENV_PREFIX) or not separator:
            continue
        if section == "zones":
            zone, _, name = name.partition("__")
            section = f"zones.{zone}"
        kind = _kind(section)
        if kind is None or name not in {item.name for item in fields(kind)}:
            mistakes.append(ConfigError(variable, None, f"{section}.{name}", "no such key"))
            continue
        try:
            given[section, name] = _Given(from_text(text, get_type_hints(kind)[name]), variable, None)
        except ValueError as error:
            mistakes.append(ConfigError(variable, None, f"{section}.{name}", str(error)))
    return given


def _section(name: str, kind: type[Any], given: dict[tuple[str, str], _Given], mistakes: list[ConfigError]) -> Any:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for item in fields(kind):
        found = given.get((name, item.name))
        if found is None:
            continue
        try:
            values[item.name] = from_toml(found.value, hints[item.name], item)
        except ValueError as error:
            mistakes.append(ConfigError(found.source, found.line, f"{name}.{item.name}", str(error)))
    return kind(**values)


def _across(config: Config, given: dict[tuple[str, str], _Given]) -> list[ConfigError]:
    """Mistakes that only show when several keys are read together."""
    problems: list[tuple[str, str, str]] = []
    if config.media.port_max < config.media.port_min + 1:
        problems.append(("media", "port_max", "must be above media.port_min"))
    first, last = config.media.webrtc_ports
    if last < first and (config.media.webrtc_port_min or config.media.webrtc_port_max):
        problems.append(("media", "webrtc_port_max", "must not be below media.webrtc_port_min"))
    if config.registrar.max_expires_seconds < config.registrar.min_expires_seconds:
        problems.append(("registrar", "max_expires_seconds", "must not be below registrar.min_expires_seconds"))
    if config.registrar.keepalive_learned_max_seconds < config.registrar.keepalive_learned_min_seconds:
        problems.append(
            ("registrar", "keepalive_learned_max_seconds", "must not be below registrar.keepalive_learned_min_seconds")
        )
    if bool(config.http.tls_certificate) != bool(config.http.tls_key):
        problems.append(("http", "tls_key", "tls_certificate and tls_key belong together"))
    if config.registrar.accept_unknown and not config.registrar.shared_password:
        problems.append(("registrar", "accept_unknown", "needs registrar.shared_password"))
    media = config.media
    if media.public_url and media.stream_workers > 1 and "{port}" not in media.public_url:
        problems.append(("media", "public_url", "needs {port} where there are several stream workers"))
    if not config.sip.transports:
        problems.append(("sip", "transports", "must name at least one"))
    problems += zone_problems(config.zones, config.sip, config.media)
    nowhere = _Given(None, "configuration", None)
    mistakes = []
    for section, name, problem in problems:
        place = given.get((section, name)) or given.get((section, ""), nowhere)
        mistakes.append(ConfigError(place.source, place.line, f"{section}.{name}", problem))
    return mistakes


def line_of(text: str, section: str, name: str | None = None) -> int | None:
    """The 1-based line where ``[section]``, or ``name`` in it, stands in a TOML text (also ``section.name = …``)."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            current = header[1].strip("\"' ")
            if name is None and section in (current, current.split(".")[0]):
                return number
            continue
        assigned = re.match(r"\s*([\w.\"'-]+)\s*=", line)
        if assigned:
            full = f"{current}.{assigned[1]}".replace('"', "").replace("'", "").strip(".")
            if full == (f"{section}.{name}" if name else section) or (name is None and full.startswith(f"{section}.")):
                return number
            if name is not None and not current and assigned[1] == section:
                return number  # inline table: section = { name = … }
    return None


def _meant(name: str, known: set[str]) -> str:
    stem = name.split("_")[0]
    near = sorted(
        word for word in known if word.startswith(name) or name.startswith(word) or word.split("_")[0] == stem
    )
    return f"; did you mean {near[0]}?" if near else ""


def reference() -> str:
    """The text of docs/configuration.md."""
    lines = [
        "# Configuration",
        "",
        "One TOML file, given to `gbgateway run --config FILE`. Every key has a default; each can be overridden by an",
        f"environment variable `{ENV_PREFIX}SECTION__KEY` (lists comma separated). `gbgateway check-config FILE` names",
        "file, line and key of a mistake. This page is generated by `gbgateway config-reference`.",
        "",
    ]
    for name, kind in {**SECTIONS, "zones.NAME": ZoneConfig}.items():
        lines += [f"## [{name}]", "", (kind.__doc__ or "").strip(), "", "| key | default | meaning |", "|---|---|---|"]
        for item in fields(kind):
            assert item.default is not MISSING
            lines.append(f"| `{item.name}` | `{_shown(item.default)}` | {item.metadata['doc']} |")
        lines.append("")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{part}"' for part in value) + "]"
    if isinstance(value, Secret):
        return '""'
    return f'"{value}"' if isinstance(value, str | Path) else str(value)
