"""WS-Security UsernameToken with a password digest (OASIS Username Token Profile 1.0, ONVIF Core 5.9.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict

from interop.onvif import durations
from interop.onvif.clock import CameraClock
from interop.onvif.faults import not_authorized
from interop.onvif.names import qualified
from interop.onvif.settings import CameraSettings
from interop.onvif.tree import Element

KEPT_NONCES = 1000
_DIGEST_TYPE = "#PasswordDigest"


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Base64 of SHA-1 over nonce, creation time and password."""
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()


class UsernameTokens:
    """Checks the token of each request; a nonce counts once."""

    def __init__(self, settings: CameraSettings, clock: CameraClock) -> None:
        self._settings = settings
        self._clock = clock
        self._nonces: OrderedDict[tuple[bytes, str], None] = OrderedDict()

    def check(self, header: Element | None) -> None:
        """Accept the sender. Raises OnvifFault (ter:NotAuthorized)."""
        path = f"{qualified('wsse:Security')}/{qualified('wsse:UsernameToken')}"
        token = header.find(path) if header is not None else None
        if token is None:
            raise not_authorized()
        password = token.find(qualified("wsse:Password"))
        if password is None or not (password.get("Type") or "").endswith(_DIGEST_TYPE):
            raise not_authorized()
        created = (token.findtext(qualified("wsu:Created")) or "").strip()
        try:
            nonce = base64.b64decode((token.findtext(qualified("wsse:Nonce")) or "").strip(), validate=True)
            made = durations.timestamp(created)
        except (ValueError, binascii.Error):
            raise not_authorized() from None
        right = hmac.compare_digest(
            password_digest(nonce, created, self._settings.password).encode(), (password.text or "").strip().encode()
        )
        if not right or (token.findtext(qualified("wsse:Username")) or "").strip() != self._settings.username:
            raise not_authorized()
        if self._settings.strict_clock and abs(made - self._clock.utc()) > self._settings.clock_tolerance_s:
            raise not_authorized()
        self._use(nonce, created)

    def _use(self, nonce: bytes, created: str) -> None:
        if (nonce, created) in self._nonces:
            raise not_authorized()
        self._nonces[nonce, created] = None
        while len(self._nonces) > KEPT_NONCES:
            self._nonces.popitem(last=False)
