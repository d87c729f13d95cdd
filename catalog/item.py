"""One object of a catalogue (目录项), with the elements of both editions (GB/T 28181-2016 and -2022, A.2.1).

Values are kept as the peer gave them: a strange value never costs a catalogue its item.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from catalog.code import Kind, civil_code_of, kind_of

ON = "ON"
OFF = "OFF"


class ChannelKey(NamedTuple):
    """What an object is known by inside a node. Codes alone are not enough: two peers may use the same one."""

    peer_id: str
    """Code of the device or lower platform registered to this node, or LOCAL."""
    code: str


LOCAL = "local"
"""The peer id of objects the node itself defines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object. Empty text, None or an empty collection mean that the element was absent or empty."""

    code: str
    """DeviceID."""
    name: str = ""
    peer_id: str = ""
    """The peer the item came from (origin); empty until it is stored."""
    manufacturer: str = ""
    model: str = ""
    owner: str = ""
    """设备归属 [2016]."""
    civil_code: str = ""
    """CivilCode as sent; see `region` for the one to file the object under."""
    block: str = ""
    """警区."""
    address: str = ""
    parental: bool = False
    """Has sub-devices."""
    parent_ids: tuple[str, ...] = ()
    """ParentID, split at `/`."""
    safety_way: int | None = None
    """[2016] 0 none, 2 S/MIME sign, 3 S/MIME sign and encrypt, 4 digest."""
    register_way: int = 1
    cert_num: str = ""
    certifiable: int | None = None
    err_code: int | None = None
    end_time: str = ""
    """End of the certificate's validity [2016]."""
    security_level_code: str = ""
    """GB 35114 class A, B or C [2022]."""
    secrecy: int = 0
    """保密属性: 0 not secret, anything else secret."""
    ip_address: str = ""
    port: int | None = None
    status: str = ON
    """ON or OFF, as the peer reported it."""
    fault: str = ""
    """Empty, or the last of VLOST (视频丢失) and DEFECT (故障) that was notified."""
    longitude: float | None = None
    """WGS-84 degrees."""
    latitude: float | None = None
    """WGS-84 degrees."""
    business_group_id: str = ""
    """The business group (215) of a virtual organisation (216)."""
    info: dict[str, str] = field(default_factory=dict)
    """Children of Info by element name, as text."""
    extra: dict[str, str] = field(default_factory=dict)
    """Elements the standard does not know, by name."""
    raw: str = field(default="", compare=False)
    """The item as received, whole but for passwords."""

    @property
    def key(self) -> ChannelKey:
        """Peer and code."""
        return ChannelKey(self.peer_id, self.code)

    @property
    def kind(self) -> Kind:
        """What the object is, told from its code."""
        return kind_of(self.code)

    @property
    def is_secret(self) -> bool:
        """Whether the object may never leave its network (保密属性)."""
        return self.secrecy != 0

    @property
    def region(self) -> str:
        """The region the object is filed under: a usable CivilCode, else the one in its own code, else ""."""
        civil = self.civil_code.strip()
        if civil.isascii() and civil.isdigit():
            trimmed = civil_code_of(civil[:8] if len(civil) > 8 else civil)
            if trimmed:
                return trimmed
        return civil_code_of(self.code)

    def content_hash(self) -> bytes:
        """16 bytes that change with anything the peer says about the object; `peer_id` and `raw` do not count."""
        return hash_of(self.document_bytes())

    def document(self) -> dict[str, Any]:
        """The item as a JSON-able dict of the elements that are not at their default, without `peer_id` and `raw`."""
        values = zip(_DEFAULTS.items(), _ELEMENTS(self), strict=True)
        return {name: value for (name, default), value in values if value != default}

    def document_bytes(self) -> bytes:
        """The document as JSON, the same bytes for the same elements. Raises TypeError where `storable` is needed."""
        return orjson.dumps(self.document(), option=orjson.OPT_SORT_KEYS)

    def storable(self) -> Item:
        """The same item without what no database can keep: half characters, NUL, numbers beyond 63 bits."""
        values: dict[str, Any] = {entry.name: _storable(getattr(self, entry.name)) for entry in fields(self)}
        for name in ("register_way", "secrecy"):
            if values[name] is None:  # an absurd secrecy counts as secret, the safe side
                values[name] = 1
        return Item(**values)

    @classmethod
    def from_document(cls, document: dict[str, Any], *, peer_id: str = "", raw: str = "") -> Item:
        """The inverse of `document`. Names this version does not know are ignored."""
        known = {name: value for name, value in document.items() if name in _DEFAULTS}
        known["parent_ids"] = tuple(known.get("parent_ids", ()))
        return cls(**known, peer_id=peer_id, raw=raw)

    def merged(self, news: Item, present: frozenset[str] | None) -> Item:
        """This item with the elements of `news` that were `present` (names of fields); None means all of them."""
        if present is None:
            return replace(news, peer_id=self.peer_id, fault=self.fault)
        changes = {name: getattr(news, name) for name in present if name in _DEFAULTS and name != "code"}
        return replace(self, **changes, raw=news.raw or self.raw)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return tuple(_storable(part) for part in value)
    if isinstance(value, dict):
        return {_storable(name): _storable(part) for name, part in value.items()}
    return value


def _defaults() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for entry in fields(Item):
        if entry.name not in ("peer_id", "raw"):
            is_dict = entry.name in ("info", "extra")
            values[entry.name] = {} if is_dict else None if entry.name == "code" else entry.default
    return values


_DEFAULTS = _defaults()
_ELEMENTS = attrgetter(*_DEFAULTS)


def hash_of(document: bytes) -> bytes:
    """The content hash of an item, from its document as bytes."""
    return blake2b(document, digest_size=16).digest()
