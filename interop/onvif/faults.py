"""SOAP 1.2 faults with the subcodes of ONVIF Core 5.8.2."""

from __future__ import annotations

from interop.onvif.tree import Element, node


class OnvifFault(Exception):
    """What a camera answers instead of doing it.

    subcodes   prefixed names from the general to the special, such as "ter:InvalidArgVal", "ter:NoProfile"
    reason     English sentence
    receiver   whether the camera is the one that cannot ("env:Receiver"); else the request is wrong ("env:Sender")
    """

    def __init__(self, *subcodes: str, reason: str, receiver: bool = False) -> None:
        super().__init__(f"{'/'.join(subcodes)}: {reason}")
        self.subcodes = subcodes
        self.reason = reason
        self.receiver = receiver

    @property
    def status(self) -> int:
        """The HTTP status (SOAP 1.2 part 2, 7.5.2.2)."""
        return 500 if self.receiver else 400

    def body(self) -> Element:
        """The fault element."""
        code = node("env:Code", node("env:Value", "env:Receiver" if self.receiver else "env:Sender"))
        inner = code
        for name in self.subcodes:
            subcode = node("env:Subcode", node("env:Value", name))
            inner.append(subcode)
            inner = subcode
        return node("env:Fault", code, node("env:Reason", node("env:Text", {"xml:lang": "en"}, self.reason)))


def not_authorized() -> OnvifFault:
    """The sender did not prove who it is."""
    return OnvifFault("ter:NotAuthorized", reason="Sender not authorized")


def no_profile(token: str) -> OnvifFault:
    """No media profile has this token."""
    return OnvifFault("ter:InvalidArgVal", "ter:NoProfile", reason=f"No profile {token!r}")


def not_supported(*special: str, reason: str) -> OnvifFault:
    """The camera has no such function."""
    return OnvifFault("ter:ActionNotSupported", *special, reason=reason, receiver=True)


def invalid(special: str, reason: str) -> OnvifFault:
    """An argument has a value the camera does not know or allow."""
    return OnvifFault("ter:InvalidArgVal", special, reason=reason)
