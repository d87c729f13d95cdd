"""The one translation between a catalogue item on the wire and in the catalogue (both are complete; a test proves it).

`sip` and `catalog` do not know each other; ids travel between them as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

from catalog import civil_code_of
from catalog.change import ItemEvent
from catalog.concealed import concealed, is_secret
from catalog.item import OFF, ON, Item
from sip.manscdp import CatalogItem, Edition, Extra, ItemInfo
from sip.manscdp.declaration import facts_of

SAME_NAME = (
    "manufacturer",
    "model",
    "owner",
    "civil_code",
    "block",
    "address",
    "safety_way",
    "cert_num",
    "certifiable",
    "err_code",
    "end_time",
    "security_level_code",
    "ip_address",
    "port",
    "longitude",
    "latitude",
    "business_group_id",
)
"""Fields that have the same name and meaning on both sides; None on the wire is the catalogue's empty value."""

OTHERWISE = ("device_id", "name", "event", "parental", "parent_id", "register_way", "secrecy", "status", "info")
"""Fields of the wire that are translated one by one below."""

NEVER_KEPT = frozenset({"password"})
"""A camera's password is dropped where it arrives: nobody here has a use for it (regulation A7)."""

NEVER_SENT = frozenset({"ip_address", "port"}) | NEVER_KEPT
"""Address, port and password of a camera never go upward (regulation A7)."""

ELSEWHERE = "business_group_id"
"""Written into Info up to the 2016 edition; the catalogue has it in one place, the item itself."""

_INFO_FIELDS = {facts.name: attribute for attribute, facts in facts_of(ItemInfo) if attribute != ELSEWHERE}
_INFO_TYPES = get_type_hints(ItemInfo)
_EMPTY: dict[str, Any] = {name: getattr(Item(code=""), name) for name in SAME_NAME}
_UNSET_PARENTS = frozenset({"", "0", "null"})


def item_of(wire: CatalogItem, peer_id: str) -> Item:
    """The catalogue's item of a received one. Nothing a peer writes costs the catalogue its item."""
    values = {name: _or(getattr(wire, name), _EMPTY[name]) for name in SAME_NAME}
    if not values[ELSEWHERE] and wire.info is not None:
        values[ELSEWHERE] = wire.info.business_group_id or ""
    return Item(
        code=wire.device_id,
        peer_id=peer_id,
        name=wire.name or "",
        parental=bool(wire.parental),
        parent_ids=parents_of(wire.parent_id),
        register_way=_or(wire.register_way, 1),
        secrecy=_or(wire.secrecy, 0),
        # A peer that states no status means a working device; only OFF is off.
        status=OFF if wire.status == OFF else ON,
        info=_info_texts(wire.info),
        extra=_extra_texts(wire.extra),
        raw=concealed(wire.raw),
        **values,
    ).storable()


def parents_of(parent_id: str | None) -> tuple[str, ...]:
    """ParentID, split at `/` (GB/T 28181-2022 Annex J)."""
    parts = (part.strip() for part in (parent_id or "").split("/"))
    return tuple(part for part in parts if part.lower() not in _UNSET_PARENTS)


def event_of(wire: CatalogItem, peer_id: str) -> ItemEvent:
    """A change notification's item as an event of the catalogue; only the elements that came count as news."""
    present = frozenset(
        _CATALOG_NAMES.get(attribute, attribute)
        for attribute, _ in facts_of(CatalogItem)
        if attribute not in ("device_id", "event") and getattr(wire, attribute) is not None
    )
    item = item_of(wire, peer_id) if present else None
    return ItemEvent.of(wire.event, wire.device_id, item, present)


_CATALOG_NAMES = {"parent_id": "parent_ids"}


def wire_of(item: Item, *, published_id: str | None = None, event: str | None = None) -> CatalogItem:
    """The item as it is sent upward, under its published id; the codec leaves out what the edition does not have."""
    values: dict[str, Any] = {
        name: None if name in NEVER_SENT or getattr(item, name) == _EMPTY[name] else getattr(item, name)
        for name in SAME_NAME
    }
    return CatalogItem(
        device_id=published_id or item.code,
        event=event,
        name=item.name,
        parental=int(item.parental),
        parent_id="/".join(item.parent_ids) or None,
        register_way=item.register_way,
        secrecy=item.secrecy,
        status=item.status,
        info=_info_of(item.info),
        **values,
    )


def status_event(published_id: str, event: str) -> CatalogItem:
    """ON, OFF, VLOST, DEFECT and DEL name the object and say nothing else of it (GB/T 28181-2022 Annex N)."""
    return CatalogItem(device_id=published_id, event=event)


def fixed_shape(item: CatalogItem, kind: str, edition: Edition) -> CatalogItem:
    """The elements GB/T 28181 Annex J prescribes for regions, systems, groups and organisations, and no others."""
    full = CatalogItem(device_id=item.device_id, name=item.name, event=item.event)
    if kind == "region":
        return full
    full.parent_id = item.parent_id
    if kind == "group":
        full.civil_code = item.civil_code
    elif kind == "org":
        full.business_group_id = item.business_group_id
    else:
        full.register_way, full.secrecy = item.register_way, item.secrecy
        _take_mandatory(item, full)
        full.status = item.status if edition >= Edition.V2022 else None
    return full


def device_shape(item: CatalogItem) -> CatalogItem:
    """The item of a device with every element it must have (mandatory in A.2.1, both editions), be it empty."""
    _take_mandatory(item, item)
    return item


def _take_mandatory(item: CatalogItem, into: CatalogItem) -> None:
    """Texts a device or a system must state; the codec leaves out Owner where the edition has none."""
    for name in ("manufacturer", "model", "owner", "address"):
        setattr(into, name, getattr(item, name) or "")
    into.civil_code = item.civil_code or civil_code_of(item.device_id)


def _info_texts(info: ItemInfo | None) -> dict[str, str]:
    if info is None:
        return {}
    texts = {name: getattr(info, attribute) for name, attribute in _INFO_FIELDS.items()}
    known = {name: _text(value) for name, value in texts.items() if value is not None}
    return known | _extra_texts(info.extra)


def _info_of(texts: dict[str, str]) -> ItemInfo | None:
    values: dict[str, Any] = {}
    for name, attribute in _INFO_FIELDS.items():
        if name in texts:
            value = _typed(texts[name], str(_INFO_TYPES[attribute]))
            if value is not None:
                values[attribute] = value
    return ItemInfo(**values) if values else None


def _typed(text: str, annotation: str) -> Any:
    try:
        if "int" in annotation:
            return int(text)
        return float(text) if "float" in annotation else text
    except ValueError:
        return None


def _text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _extra_texts(extra: Iterable[Extra]) -> dict[str, str]:
    return {entry.name: entry.text for entry in extra if entry.text and not is_secret(entry.name)}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
