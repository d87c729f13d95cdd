"""The last contacts of a device: when, what kind of message, from where. Pure, and small enough to have for everybody.

A contact is ten bytes in a ring: its time, and the numbers of its kind and of its source.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from sip import Peer

KEPT = 10
"""Contacts remembered of one device."""
MAX_KINDS = 250
"""Kinds of messages told apart: a device can invent commands, and must not fill the memory with them."""
MAX_KIND_TEXT = 48
OTHER = "other"

_RECORD = Struct("<dBB")


class Contact(NamedTuple):
    """One valid message of a device: unix seconds, e.g. "MESSAGE Keepalive", the address or connection it came from."""

    at: float
    kind: str
    source: Peer


class Kinds:
    """Numbers for the kinds of messages, shared by all devices."""

    def __init__(self) -> None:
        self._numbers = {OTHER: 0}
        self._texts = [OTHER]

    def number(self, text: str) -> int:
        """The number of a kind; that of "other" once there are too many."""
        known = self._numbers.get(text)
        if known is not None:
            return known
        if len(self._texts) >= MAX_KINDS or len(text) > MAX_KIND_TEXT or not text.isprintable():
            return 0
        self._numbers[text] = len(self._texts)
        self._texts.append(text)
        return len(self._texts) - 1

    def text(self, number: int) -> str:
        return self._texts[number]


class Contacts:
    """The last contacts of one device."""

    __slots__ = ("_ring", "_sources")

    def __init__(self) -> None:
        self._ring = b""
        self._sources: tuple[Peer, ...] = ()

    def add(self, at: float, kind: int, source: Peer) -> None:
        """Remember a contact; the one before the last ten is forgotten."""
        sources = self._sources
        if not sources or sources[-1] != source:
            sources = self._with(source)
        ring = self._ring
        if len(ring) >= KEPT * _RECORD.size:
            ring = ring[_RECORD.size :]
        self._ring = ring + _RECORD.pack(at, kind, len(sources) - 1)

    def _with(self, source: Peer) -> tuple[Peer, ...]:
        """The sources with this one as the last; those no kept contact came from are dropped, the others renumbered."""
        records = list(_RECORD.iter_unpack(self._ring))[-(KEPT - 1) :]
        used = list(dict.fromkeys(self._sources[index] for _, _, index in records))
        numbers = {one: number for number, one in enumerate(used)}
        self._ring = b"".join(_RECORD.pack(at, kind, numbers[self._sources[index]]) for at, kind, index in records)
        self._sources = (*used, source)  # perhaps a second time: last, because the next one most likely is from there
        return self._sources

    @property
    def last_at(self) -> float | None:
        """When the device was last heard; None: never since this node runs."""
        return _RECORD.unpack_from(self._ring, len(self._ring) - _RECORD.size)[0] if self._ring else None

    def newest_first(self, kinds: Kinds) -> list[Contact]:
        found = [Contact(at, kinds.text(kind), self._sources[index]) for at, kind, index in _unpacked(self._ring)]
        return found[::-1]


def _unpacked(ring: bytes) -> list[tuple[float, int, int]]:
    return list(_RECORD.iter_unpack(ring))
