"""The header section as an ordered multimap that keeps order, spelling and what it does not know."""

from __future__ import annotations

from collections.abc import Iterable

from sip.errors import LocalError

MAX_HEADERS = 256

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact forms (RFC 3261 7.3.3 and the registry) to names in lower case."""

_SECRET = frozenset({"authorization", "proxy-authorization"})
_KEYS: dict[str, str] = dict(COMPACT)  # spelling -> key, for the spellings met so far
_KEYS_LIMIT = 2048  # the table is fed by peers, so it is bounded


def header_key(name: str) -> str:
    """The name by which a header is found: lower case, compact forms resolved."""
    key = _KEYS.get(name)
    if key is None:
        key = name.lower()
        key = COMPACT.get(key, key)
        if len(_KEYS) < _KEYS_LIMIT and len(name) <= 40:
            _KEYS[name] = key
    return key


class Headers:
    """Headers in wire order. Lookup takes any case and the compact form, at one cost for any number of headers."""

    __slots__ = ("_index", "_items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str]] = list(items)
        if len(self._items) > MAX_HEADERS:
            raise LocalError(f"more than {MAX_HEADERS} headers")
        self._index: dict[str, list[str]] = {}
        index, keys = self._index, _KEYS
        for name, value in self._items:
            key = keys.get(name) or header_key(name)
            if key in index:
                index[key].append(value)
            else:
                index[key] = [value]

    def get(self, name: str) -> str | None:
        """The first value of that name, None when absent."""
        values = self._index.get(_KEYS.get(name) or header_key(name))
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """All values of that name in wire order; comma lists are not cut."""
        return list(self._index.get(header_key(name), ()))

    def count(self, name: str) -> int:
        """How many headers have that name."""
        return len(self._index.get(header_key(name), ()))

    def set(self, name: str, value: str) -> None:
        """Replace the first of that name (its place and spelling stay) and drop the others; append when absent."""
        key = header_key(name)
        if key not in self._index:
            self.add(name, value)
            return
        _refuse_line_end(name, value)
        kept: list[tuple[str, str]] = []
        pending = True
        for spelling, old in self._items:
            if header_key(spelling) != key:
                kept.append((spelling, old))
            elif pending:
                kept.append((spelling, value))
                pending = False
        self._items = kept
        self._index[key] = [value]

    def replace_first(self, name: str, value: str) -> None:
        """Give the first of that name another value; the others stay. Append when absent."""
        _refuse_line_end(name, value)
        key = header_key(name)
        values = self._index.get(key)
        if not values:
            self.add(name, value)
            return
        values[0] = value
        for place, (spelling, _) in enumerate(self._items):
            if header_key(spelling) == key:
                self._items[place] = (spelling, value)
                return

    def add(self, name: str, value: str) -> None:
        """Append one header."""
        _refuse_line_end(name, value)
        self._refuse_overflow()
        self._items.append((name, value))
        self._index.setdefault(header_key(name), []).append(value)

    def prepend(self, name: str, value: str) -> None:
        """Put one header in front of all others (Via)."""
        _refuse_line_end(name, value)
        self._refuse_overflow()
        self._items.insert(0, (name, value))
        self._index.setdefault(header_key(name), []).insert(0, value)

    def remove(self, name: str) -> None:
        """Drop all headers of that name; none is fine."""
        key = header_key(name)
        if self._index.pop(key, None) is not None:
            self._items = [item for item in self._items if header_key(item[0]) != key]

    def items(self) -> list[tuple[str, str]]:
        """(name as spelt, value) in wire order."""
        return list(self._items)

    def copy(self) -> Headers:
        """An independent copy."""
        return Headers(self._items)

    def __contains__(self, name: str) -> bool:
        return header_key(name) in self._index

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._items == other._items

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        shown = [(name, "***" if header_key(name) in _SECRET else value) for name, value in self._items]
        return f"Headers({shown!r})"

    def _refuse_overflow(self) -> None:
        if len(self._items) >= MAX_HEADERS:
            raise LocalError(f"more than {MAX_HEADERS} headers")


def _refuse_line_end(name: str, value: str) -> None:
    # A value with a line end would become a header of its own on the wire.
    if "\n" in value or "\r" in value or "\n" in name or "\r" in name:
        raise LocalError(f"line end in header {name!r}")
