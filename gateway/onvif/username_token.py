"""The login of a SOAP request: user name and digest of the password (WS-Security UsernameToken Profile 1.0, ONVIF Core
5.9.4). The time in it is the camera's own."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_WSSE, _WSU = f"{_WSS}wssecurity-secext-1.0.xsd", f"{_WSS}wssecurity-utility-1.0.xsd"
_DIGEST = f"{_WSS}username-token-profile-1.0#PasswordDigest"
_BASE64 = f"{_WSS}soap-message-security-1.0#Base64Binary"
_SOAP12 = "http://www.w3.org/2003/05/soap-envelope"


@dataclass(frozen=True, slots=True)
class UsernameToken:
    """One login; `at` is the camera's time in unix seconds, `nonce` any bytes used once."""

    username: str
    password: str
    at: float
    nonce: bytes

    @property
    def created(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def digest(self) -> str:
        """Base64 of SHA-1 over nonce, time and password."""
        text = self.nonce + self.created.encode() + self.password.encode()
        return base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode()


def add_token(header: Any, token: UsernameToken) -> None:
    """Put the login into the header of an envelope."""
    security = etree.SubElement(header, f"{{{_WSSE}}}Security", nsmap={"wsse": _WSSE, "wsu": _WSU})
    security.set(f"{{{_SOAP12}}}mustUnderstand", "1")
    login = etree.SubElement(security, f"{{{_WSSE}}}UsernameToken")
    etree.SubElement(login, f"{{{_WSSE}}}Username").text = token.username
    etree.SubElement(login, f"{{{_WSSE}}}Password", Type=_DIGEST).text = token.digest
    nonce = etree.SubElement(login, f"{{{_WSSE}}}Nonce", EncodingType=_BASE64)
    nonce.text = base64.b64encode(token.nonce).decode()
    etree.SubElement(login, f"{{{_WSU}}}Created").text = token.created
