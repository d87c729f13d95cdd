"""What the machine and its kernel allow: socket buffers, open files, ports, processors, libraries."""

from __future__ import annotations

import os
import platform
import resource
import sqlite3
import ssl
from pathlib import Path

from gateway.config import Config
from gateway.open_files import files_needed
from gateway.operations.checks.finding import Finding, ok, problem, warning
from media.worker.ports import RECEIVE_BUFFER
from sip import Limits

SYSCTL = Path("/proc/sys")


def check_buffers(sysctl: Path = SYSCTL) -> list[Finding]:
    """The kernel cuts what is asked for to its limits; what does not fit the buffer is lost in a burst."""
    wanted = {
        "net.core.rmem_max": max(Limits().socket_buffer_bytes, RECEIVE_BUFFER),
        "net.core.wmem_max": Limits().socket_buffer_bytes,
    }
    found = []
    for name, bytes_wanted in wanted.items():
        allowed = _number(sysctl / name.replace(".", "/"))
        if allowed is None:
            found.append(warning(name, "unknown: it cannot be read here", f"look at it outside: sysctl {name}"))
        elif allowed < bytes_wanted:
            lost = "bursts of SIP and media are lost" if "rmem" in name else "bursts of answers are held up"
            change = f"sysctl -w {name}={bytes_wanted}, for good in /etc/sysctl.d/90-gbgateway.conf"
            found.append(warning(name, f"{allowed} bytes where {bytes_wanted} are asked for: {lost}", change))
        else:
            found.append(ok(name, f"{allowed} bytes, {bytes_wanted} are asked for"))
    return found


def check_open_files(config: Config) -> list[Finding]:
    """The hard limit of open files against the connections and streams that are configured."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    small = {key: needed for key, needed in files_needed(config).items() if hard not in (-1,) and needed > hard}
    if not small:
        return [ok("open files", f"the limit is {'none' if hard == -1 else hard}")]
    return [
        warning(
            "open files",
            f"the limit is {hard}, {key} = {_value(config, key)} may need {needed}",
            f"raise the hard limit (LimitNOFILE={needed} in the service), or lower {key}",
        )
        for key, needed in small.items()
    ]


def check_media_ports(config: Config, sysctl: Path = SYSCTL) -> list[Finding]:
    """The width of the media range against the number of streams, and whether the kernel gives its ports away."""
    media = config.media
    pairs = (media.port_max - media.port_min + 1) // 2
    text = f"{pairs} port pairs; a stream takes one, and one more for each upper platform that watches"
    if pairs < media.max_streams:
        change = f"widen media.port_min to media.port_max to {2 * media.max_streams} ports, or lower media.max_streams"
        found = [warning("media.port_max", f"{text}: too few for media.max_streams = {media.max_streams}", change)]
    else:
        found = [ok("media.port_max", f"{text}, and media.max_streams is {media.max_streams}")]
    given = _text(sysctl / "net/ipv4/ip_local_port_range").split()
    if len(given) != 2:
        return found
    low, high = (int(number) for number in given)
    reserved = _ranges(_text(sysctl / "net/ipv4/ip_local_reserved_ports"))
    first, last = max(low, media.port_min), min(high, media.port_max)
    name = "net.ipv4.ip_local_reserved_ports"
    if first <= last and not any(a <= first and last <= b for a, b in reserved):
        change = f"sysctl -w {name}={media.port_min}-{media.port_max}, for good in /etc/sysctl.d/90-gbgateway.conf"
        found.append(
            warning(name, f"connections of any program may be given the media ports {first} to {last}", change)
        )
    else:
        found.append(ok(name, "the kernel gives the media ports to nobody else"))
    return found


def check_processors(config: Config) -> list[Finding]:
    """Worker processes against processors."""
    here = len(os.sched_getaffinity(0))
    workers = config.media.relay_workers + config.media.stream_workers
    text = f"{here} processors for {workers} media workers and the control process"
    if workers > max(here, 2):
        return [warning("processors", text, "lower media.relay_workers or media.stream_workers: more gain nothing")]
    return [ok("processors", text)]


def check_versions() -> list[Finding]:
    """The libraries the node stands on."""
    found = [
        ok(
            "versions",
            f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}, "
            f"Linux {platform.release()} on {platform.machine()}",
        )
    ]
    try:
        import av
    except (ImportError, OSError) as error:
        change = "install the package again for this Python and machine: pip install --force-reinstall av"
        return [*found, problem("FFmpeg", f"its libraries cannot be loaded: {error}", change)]
    libraries = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
    shown = ", ".join(f"{name} {libraries[name]}" for name in ("libavcodec", "libavformat") if name in libraries)
    lacking = [name for name in ("h264", "hevc", "mjpeg") if name not in av.codecs_available]
    if lacking:
        change = "install the package av as it is published; a build of one's own needs these decoders"
        return [*found, problem("FFmpeg", f"{shown}, without {', '.join(lacking)}", change)]
    return [*found, ok("FFmpeg", f"{shown}, PyAV {av.__version__}")]


def _value(config: Config, key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _ranges(text: str) -> list[tuple[int, int]]:
    """`8080,30000-34999` as pairs, those that touch each other joined."""
    joined: list[tuple[int, int]] = []
    pairs = [part.partition("-") for part in text.split(",") if part]
    for first, last in sorted((int(low), int(high or low)) for low, _, high in pairs):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined
