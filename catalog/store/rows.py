"""Items to table rows and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Row, Select, and_, select

from catalog.concealed import concealed
from catalog.item import OFF, ON, ChannelKey, Item, hash_of
from catalog.store.schema import CODE_CHARS, catalog_item, catalog_peer
from catalog.tree import claims_of, sort_key

_SEARCH_CHARS = 200

ITEM_COLUMNS = (
    "kind",
    "sort",
    "search",
    "region",
    "status",
    "secret",
    "digest",
    "claims",
    "document",
    "raw",
    "changed_at",
)
"""The columns of `catalog_item` that say what the object is, as against where and since when."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An object as the catalogue has it."""

    item: Item
    """As the peer reported it."""
    peer_online: bool
    changed_at: float
    """When anything about it last changed, Unix seconds."""

    @property
    def peer_id(self) -> str:
        """The peer it came from."""
        return self.item.peer_id

    @property
    def code(self) -> str:
        """Its code."""
        return self.item.code

    @property
    def key(self) -> ChannelKey:
        """Peer and code."""
        return self.item.key

    @property
    def online(self) -> bool:
        """Whether it can be reached now: reported ON, by a peer that is itself on line."""
        return self.peer_online and self.item.status == ON

    @property
    def effective(self) -> Item:
        """The item with the status it has now, which is OFF while its peer is off line."""
        return self.item if self.peer_online or self.item.status == OFF else replace(self.item, status=OFF)


def is_storable_code(code: str) -> bool:
    """Whether a text can be an object's code in the store: not empty, fits the column, no control characters."""
    return 0 < len(code) <= CODE_CHARS and code.isprintable()


class CodedItem(NamedTuple):
    """An item and what it is stored as."""

    item: Item
    document: bytes
    """Its elements as JSON."""
    digest: bytes
    """Its content hash."""


def coded_item(item: Item) -> CodedItem:
    """Code an item, made storable where it was not."""
    try:
        document = item.document_bytes()
    except TypeError:  # half characters or numbers beyond 64 bits, which JSON here does not take
        item = item.storable()
        document = item.document_bytes()
    return CodedItem(item, document, hash_of(document))


def values_of(coded: CodedItem, now: float) -> dict[str, Any]:
    """The columns of `ITEM_COLUMNS` for an item."""
    item = coded.item
    claims = [claim for claim in claims_of(item) if is_storable_code(claim)]
    return {
        "kind": item.kind.value,
        "sort": sort_key(item.code, item.name),
        "search": f"{item.name[:_SEARCH_CHARS]} {item.code}".casefold().replace("\0", ""),
        "region": item.region,
        "status": item.status[:8],
        "secret": item.is_secret,
        "digest": coded.digest,
        "claims": "/".join(claims),
        "document": coded.document.decode(),
        "raw": concealed(item.raw).replace("\0", "").encode("utf-8", "replace").decode(),
        "changed_at": now,
    }


def split_claims(text: str) -> tuple[str, ...]:
    """The inverse of the `claims` column."""
    return tuple(text.split("/")) if text else ()


def item_of(peer_id: str, document: str, raw: str) -> Item:
    """The item in a row."""
    return Item.from_document(orjson.loads(document), peer_id=peer_id, raw=raw)


def in_force() -> ColumnElement[bool]:
    """The rows of `catalog_item` a reader sees, when joined with `catalog_peer`."""
    return and_(
        catalog_item.c.peer_id == catalog_peer.c.peer_id,
        catalog_item.c.gen_from <= catalog_peer.c.generation,
        catalog_item.c.gen_to > catalog_peer.c.generation,
    )


def select_items() -> Select[Any]:
    """Objects in force, with what `stored_item` needs. One statement, so that it sees one generation."""
    return select(
        catalog_item.c.peer_id,
        catalog_item.c.document,
        catalog_item.c.raw,
        catalog_item.c.changed_at,
        catalog_peer.c.online,
    ).join_from(catalog_item, catalog_peer, in_force())


def stored_item(row: Row[Any]) -> StoredItem:
    """A row of `select_items`."""
    return StoredItem(item_of(row.peer_id, row.document, row.raw), bool(row.online), row.changed_at)
