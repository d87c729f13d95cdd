"""Failures of the media half: the peer's fault and our own are different types."""

from __future__ import annotations


class MediaError(Exception):
    """Any failure raised by the media package."""


class RemoteError(MediaError):
    """Bytes received from a peer break their format.

    ``where`` names the structure ("RTP header", "PES"), ``what`` the rule that is broken, ``value`` the offending
    value as text. The receiver counts it and goes on.
    """

    def __init__(self, where: str, what: str, value: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f" ({value})" if value else ""))
        self.where = where
        self.what = what
        self.value = value


class LocalError(MediaError):
    """We were asked for something that cannot be done: wrong argument, wrong order of calls, missing codec."""
