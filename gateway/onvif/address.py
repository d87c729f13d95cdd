"""Addresses of ONVIF services: the one a camera is configured with, and those it answers with.

A camera behind a NAT, or one with two addresses, answers with URLs that are no use from here; and no camera is to send
us to a third host. So the host of the configured device service counts for everything it names, and the port and path
are the camera's. A device with the tolerance ``onvif_other_hosts`` may name other hosts (an encoder whose streams come
from elsewhere).
"""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from gateway.errors import LocalError

OTHER_HOSTS = "onvif_other_hosts"
"""Tolerance of one device: URLs it answers with may name another host."""
ANY_CERTIFICATE = "onvif_any_certificate"
"""Tolerance of one device: its TLS certificate is not verified (most cameras have one they made themselves)."""
DEVICE_SERVICE = "/onvif/device_service"
"""Where the device service is (ONVIF Core 5.1.1), where an address names no path."""
MAX_LENGTH = 1024


def device_service(text: str) -> tuple[str, str, str]:
    """URL of a device service as people write it, apart from the user and password in it. Raises LocalError, which
    never repeats the text."""
    text = text.strip()
    if len(text) > MAX_LENGTH or not text.isascii() or any(char.isspace() or not char.isprintable() for char in text):
        raise LocalError(f"an address has at most {MAX_LENGTH} characters, ASCII and no spaces")
    parts = _split(text if "://" in text else f"http://{text}")
    if parts.scheme not in ("http", "https"):
        raise LocalError("the address of an ONVIF device service begins with http:// or https://")
    path = parts.path if parts.path not in ("", "/") else DEVICE_SERVICE
    url = urlunsplit((parts.scheme, _netloc(parts.hostname or "", parts.port), path, parts.query, ""))
    return url, unquote(parts.username or ""), unquote(parts.password or "")


def host_of(url: str) -> str:
    """Its host, lower case and without brackets; "" when it is no URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def reached(url: str, device_url: str, *, other_hosts: bool = False) -> str:
    """A URL a camera answered with, as it is reached from here: without login, at the host of its device service, and
    by TLS where that is. Raises LocalError when it is none."""
    parts = _split(url.strip()[: 4 * MAX_LENGTH])
    if len(url) > 2 * MAX_LENGTH:
        raise LocalError("the camera answers with an address that is too long")
    host = (parts.hostname or "") if other_hosts else host_of(device_url)
    scheme, port = parts.scheme, parts.port
    device = _split(device_url)
    if scheme == "http" and device.scheme == "https" and host == host_of(device_url):
        scheme, port = "https", device.port  # what was entered with TLS is not asked without it
    return urlunsplit((scheme, _netloc(host, port), parts.path, parts.query, ""))


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise LocalError("this is no address") from None
    if not parts.hostname:
        raise LocalError("the address names no host")
    if parts.port == 0:
        raise LocalError("there is no port 0")
    return parts


def _netloc(host: str, port: int | None) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port is None else f"{bracketed}:{port}"
