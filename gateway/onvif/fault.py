"""What a camera says when it refuses a request: SOAP faults (SOAP 1.2 Part 1, 5.4; ONVIF Core 5.8.2)."""

from __future__ import annotations

from typing import Any

from gateway.errors import GatewayError

MAX_TEXT = 200
_UNAUTHORISED = frozenset({"NotAuthorized", "FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken"})
_UNKNOWN = frozenset({"ActionNotSupported", "UnknownAction", "OptionalActionNotImplemented", "NoSuchService"})


class BadAnswer(GatewayError):
    """The answer is not one of an ONVIF service."""


class SoapFault(GatewayError):
    """The camera's own words, bounded; `codes` are code and subcodes without their prefixes."""

    def __init__(self, codes: tuple[str, ...], text: str) -> None:
        self.codes = codes
        self.text = text
        super().__init__(f"{text} ({', '.join(codes)})" if text else ", ".join(codes))

    @property
    def unauthorised(self) -> bool:
        """Whether it refuses the login."""
        if _UNAUTHORISED & set(self.codes):
            return True
        # Some firmwares say so in the text alone.
        return any(
            word in self.text.lower() for word in ("not authorized", "unauthorized", "authorization", "authority")
        )

    @property
    def unsupported(self) -> bool:
        """Whether it does not know the operation."""
        return bool(_UNKNOWN & set(self.codes))


def fault_in(envelope: Any) -> SoapFault | None:
    """The fault an envelope holds; None when it holds none."""
    fault = next((element for element in envelope.iter("{*}Fault")), None)
    if fault is None:
        return None
    codes = [(element.text or "").strip() for element in fault.iter("{*}Value", "{*}faultcode")]
    texts = [(element.text or "").strip() for element in fault.iter("{*}Text", "{*}faultstring")]
    bare = tuple(code.rpartition(":")[2][:64] for code in codes if code)
    return SoapFault(bare[:8], _one_line(next((text for text in texts if text), "")))


def _one_line(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split())[:MAX_TEXT]
