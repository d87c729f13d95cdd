"""The headers with a meaning of their own, read on first use and remembered while their text stays the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sip.address import NameAddr
from sip.errors import ParseError
from sip.grammar import is_token, split_list, whole_number
from sip.headers import Headers
from sip.tolerance import Tolerance
from sip.via import Via

MAX_CSEQ = 2**31 - 1  # RFC 3261 8.1.1.5
MAX_HOPS = 256  # Max-Forwards is a byte, so no honest request has more Vias
MAX_CONTACTS = 256
MAX_SECONDS = 2**32 - 1  # RFC 3261 20.19
DEFAULT_EXPIRES = 3600  # what a malformed Contact parameter counts as, RFC 3261 20.10
DEFAULT_MAX_FORWARDS = 70

KNOWN_METHODS = frozenset(
    {
        *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE", "INFO", "SUBSCRIBE", "NOTIFY"),
        *("PRACK", "UPDATE", "REFER", "PUBLISH"),
    }
)

T = TypeVar("T")


def method_name(text: str, tolerance: Tolerance) -> str:
    """The method as the program knows it: a known one in capitals where tolerated, any other as written."""
    if text in KNOWN_METHODS or not tolerance.any_method_case:
        return text
    capitals = text.upper()
    return capitals if capitals in KNOWN_METHODS else text


class HeaderFields:
    """Typed access for Request and Response. Every property raises ParseError naming the header it could not read."""

    __slots__ = ()

    headers: Headers
    tolerance: Tolerance
    _read: dict[str, tuple[Any, Any]]

    @property
    def call_id(self) -> str:
        """Call-ID, compared byte for byte."""
        value = self.headers.get("call-id")
        if not value:
            raise ParseError("Call-ID", "missing")
        return value

    @property
    def cseq(self) -> tuple[int, str]:
        """CSeq as (number, method)."""
        return self._required("CSeq", self._parse_cseq)

    @property
    def from_(self) -> NameAddr:
        """From."""
        return self._required("From", self._parse_from)

    @property
    def to(self) -> NameAddr:
        """To."""
        return self._required("To", self._parse_to)

    @property
    def vias(self) -> list[Via]:
        """All Via hops, topmost first, whether in one header or many."""
        values = self.headers.get_all("via")
        found = self._read.get("via")
        if found is None or found[0] != values:
            found = self._read["via"] = (values, _parse_vias(values))
        hops: list[Via] = found[1]
        return hops

    @property
    def top_via(self) -> Via:
        """The first Via hop."""
        return self.vias[0]

    @property
    def contacts(self) -> list[NameAddr]:
        """All Contact addresses; empty when there is no Contact."""
        values = self.headers.get_all("contact")
        found = self._read.get("contact")
        if found is None or found[0] != values:
            found = self._read["contact"] = (values, self._parse_contacts(values))
        addresses: list[NameAddr] = found[1]
        return addresses

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, None when absent (frequent: the peer is then where the message came from)."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def expires(self) -> int | None:
        """Seconds: the Expires header, else the first Contact's expires parameter, else None.

        More than 2^32-1 counts as that."""
        text = self.headers.get("expires")
        if text is not None:
            return _seconds(text, "Expires")
        contact = self.contact
        parameter = None if contact is None else contact.params.get("expires")
        if parameter is None:
            return None
        try:
            return _seconds(parameter, "Contact")
        except ParseError:
            return DEFAULT_EXPIRES

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters, e.g. "application/manscdp+xml"; "" when absent."""
        text = self.headers.get("content-type")
        return "" if text is None else text.partition(";")[0].strip(" \t").lower()

    @property
    def max_forwards(self) -> int:
        """Hops left; 70 when the header is absent."""
        text = self.headers.get("max-forwards")
        return DEFAULT_MAX_FORWARDS if text is None else whole_number(text, "Max-Forwards", 255)

    def _required(self, name: str, parse: Callable[[str], T]) -> T:
        text = self.headers.get(name)
        if text is None:
            raise ParseError(name, "missing")
        found = self._read.get(name)
        if found is None or found[0] != text:
            found = self._read[name] = (text, parse(text))
        value: T = found[1]
        return value

    def _parse_cseq(self, text: str) -> tuple[int, str]:
        parts = text.split()
        if len(parts) != 2 or not is_token(parts[1]):
            raise ParseError("CSeq", "not a number and a method", text)
        return whole_number(parts[0], "CSeq", MAX_CSEQ), method_name(parts[1], self.tolerance)

    def _parse_from(self, text: str) -> NameAddr:
        return NameAddr.parse(text, where="From", tolerance=self.tolerance)

    def _parse_to(self, text: str) -> NameAddr:
        return NameAddr.parse(text, where="To", tolerance=self.tolerance)

    def _parse_contacts(self, values: list[str]) -> list[NameAddr]:
        texts = [text for value in values for text in split_list(value, "Contact")]
        if len(texts) > MAX_CONTACTS:
            raise ParseError("Contact", f"more than {MAX_CONTACTS} addresses")
        return [NameAddr.parse(text, where="Contact", tolerance=self.tolerance) for text in texts]


def _parse_vias(values: list[str]) -> list[Via]:
    if not values:
        raise ParseError("Via", "missing")
    texts = [text for value in values for text in Via.split_many(value)]
    if len(texts) > MAX_HOPS:
        raise ParseError("Via", f"more than {MAX_HOPS} hops")
    return [Via.parse(text) for text in texts]


def _seconds(text: str, where: str) -> int:
    try:
        return whole_number(text, where, MAX_SECONDS)
    except ParseError:
        if text.isascii() and text.strip(" \t").isdigit():
            return MAX_SECONDS
        raise
