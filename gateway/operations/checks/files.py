"""The files beside the data: the configuration while it holds secrets, the certificate and its key."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from gateway.config import Config
from gateway.operations.checks.finding import Finding, ok, problem, warning

SOON = timedelta(days=30)
_LOOPBACK = ("127.", "::1")


def check_configuration_file(config: Config, file: Path | None) -> list[Finding]:
    """Who may read the configuration."""
    if file is None:
        return [ok("configuration", "none: the defaults and the environment hold")]
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o022:
        return [problem("configuration", f"{file} can be changed by others (mode {mode:04o})", f"chmod 640 {file}")]
    if mode & 0o004 and config.registrar.shared_password:
        text = f"{file} holds registrar.shared_password and can be read by everybody (mode {mode:04o})"
        return [problem("configuration", text, f"chmod 640 {file}, with the account of the node as its group")]
    return [ok("configuration", f"{file} (mode {mode:04o})")]


def check_tls(config: Config, now: float) -> list[Finding]:
    """Certificate and key of the API: present, of each other, valid for a while yet."""
    certificate, key = config.http.tls_certificate, config.http.tls_key
    if not certificate:
        if config.http.host.startswith(_LOOPBACK):
            return [ok("http.tls_certificate", "none; the API listens on this machine only")]
        change = "set http.tls_certificate and http.tls_key, or put a proxy with TLS in front and listen on 127.0.0.1"
        return [
            warning("http.tls_certificate", f"passwords cross the network in the clear ({config.http.host})", change)
        ]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        served = x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0]
    except (OSError, ValueError) as error:
        change = "both are PEM files the account of the node can read, and the key is that of the certificate"
        return [problem("http.tls_certificate", f"{certificate} and {key} cannot be used: {error}", change)]
    return [_validity(certificate, served, datetime.fromtimestamp(now, UTC)), *_key(Path(key))]


def _validity(name: str, certificate: x509.Certificate, now: datetime) -> Finding:
    until, since = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    text, change = f"{name} is valid until {until:%Y-%m-%d}", "renew it, then restart the node"
    if until <= now:
        return problem("http.tls_certificate", f"{name} expired on {until:%Y-%m-%d}", change)
    if since > now:
        return problem("http.tls_certificate", f"{name} is valid from {since:%Y-%m-%d} on", "set the clock right")
    if until - now < SOON:
        return warning("http.tls_certificate", f"{text}: {(until - now).days} days", change)
    return ok("http.tls_certificate", text)


def _key(path: Path) -> list[Finding]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o007:
        return [problem("http.tls_key", f"{path} is open to everybody (mode {mode:04o})", f"chmod 640 {path}")]
    return [ok("http.tls_key", f"{path} (mode {mode:04o})")]
