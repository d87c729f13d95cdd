"""Looking things up in the catalogue. Every method is one statement, so it sees one generation of each peer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.code import NEVER_PLAYABLE_KINDS, NEVER_PLAYABLE_TYPES, Kind
from catalog.item import ON, ChannelKey
from catalog.store.rows import StoredItem, in_force, select_items, stored_item
from catalog.store.schema import catalog_edge, catalog_item, catalog_peer
from catalog.store.writing import NAMED_ROWS, TRANSACTION_ROWS, chunks

MAX_PAGE = 1000
"""Rows of one page, at most."""
MAX_QUERY_CHARS = 64
"""Characters of a search text that are looked at."""


class BadCursor(ValueError):
    """A cursor that no page gave out."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing."""

    stored: StoredItem
    has_children: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing. `cursor` goes on after it; None at the end."""

    rows: list[Listed]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many objects of a kind there are, and how many of them are on line now."""

    total: int
    online: int


def _cursor_text(sort: bytes, code: str, peer_id: str) -> str:
    return f"{sort.hex()}.{code.encode().hex()}.{peer_id.encode().hex()}"


def _cursor_values(cursor: str) -> tuple[bytes, str, str]:
    try:
        sort, code, peer_id = (bytes.fromhex(part) for part in cursor.split("."))
        return sort, code.decode(), peer_id.decode()
    except ValueError as error:
        raise BadCursor(cursor[:200]) from error


def _edge_in_force(table: Any) -> Any:
    return and_(
        table.c.peer_id == catalog_peer.c.peer_id,
        table.c.gen_from <= catalog_peer.c.generation,
        table.c.gen_to > catalog_peer.c.generation,
    )


def _contains(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


_below = catalog_edge.alias("below")
_hidden = catalog_item.alias("hidden")


def _is_open(edge: Any, generation: Any) -> ColumnElement[bool]:
    """That the object at the lower end of an edge is not secret (保密属性)."""
    return ~exists().where(
        _hidden.c.peer_id == edge.c.peer_id,
        _hidden.c.code == edge.c.code,
        _hidden.c.gen_from <= generation,
        _hidden.c.gen_to > generation,
        _hidden.c.secret,
    )


def _has_children(of: Any, generation: Any, *, secret: bool) -> ColumnElement[bool]:
    """Whether anything that may be seen hangs under the objects `of` some rows."""
    below = exists().where(
        _below.c.peer_id == of.c.peer_id,
        _below.c.parent == of.c.code,
        _below.c.live,
        _below.c.gen_from <= generation,
        _below.c.gen_to > generation,
    )
    return (below if secret else below.where(_is_open(_below, generation))).label("has_children")


class CatalogReader:
    """The reading half of the store.

    What lists or counts takes `secret`: False leaves out the objects that are (保密属性), wherever they are, so that
    numbers never tell of what the listing hides.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, peer_id: str, code: str) -> StoredItem | None:
        """One object of one peer."""
        table = catalog_item
        found = await self._stored(select_items().where(table.c.peer_id == peer_id, table.c.code == code))
        return found[0] if found else None

    async def get_many(self, peer_id: str, codes: Iterable[str]) -> dict[str, StoredItem]:
        """Some objects of one peer, by code; those that are not there are left out."""
        table, found = catalog_item, dict[str, StoredItem]()
        for chunk in chunks(codes, NAMED_ROWS):
            query = select_items().where(table.c.peer_id == peer_id, table.c.code.in_(chunk))
            found.update((stored.code, stored) for stored in await self._stored(query))
        return found

    async def find(self, code: str) -> list[StoredItem]:
        """The objects with this code, of whatever peer; those that can be reached now come first."""
        query = select_items().where(catalog_item.c.code == code).order_by(catalog_item.c.peer_id).limit(MAX_PAGE)
        found = await self._stored(query)
        return sorted(found, key=lambda stored: not stored.online)

    async def _stored(self, query: Select[Any]) -> list[StoredItem]:
        async with self._engine.connect() as connection:
            return [stored_item(row) for row in await connection.execute(query)]

    async def all_items(self, peer_id: str | None = None) -> AsyncIterator[StoredItem]:
        """Every object, of one peer or of all, by peer and code: one snapshot, read as it is consumed."""
        query = select_items().order_by(catalog_item.c.peer_id, catalog_item.c.code)
        if peer_id is not None:
            query = query.where(catalog_item.c.peer_id == peer_id)
        async with self._engine.connect() as connection, connection.stream(query) as result:
            async for part in result.partitions(TRANSACTION_ROWS):
                for row in part:
                    yield stored_item(row)

    async def parents(self, peer_id: str, code: str) -> list[str]:
        """The codes the object hangs under; `[""]` for the peer's own item."""
        table = catalog_edge
        query = (
            select(table.c.parent)
            .join_from(table, catalog_peer, _edge_in_force(table))
            .where(table.c.peer_id == peer_id, table.c.code == code, table.c.live)
            .order_by(table.c.parent)
        )
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).scalars())

    async def children(
        self,
        peer_id: str,
        parent: str,
        *,
        limit: int = 200,
        offset: int = 0,
        after: str | None = None,
        secret: bool = True,
    ) -> Page:
        """A page of what hangs under an object, containers first, then by name. The peer's id is the root of its tree.

        Go on with `after` (the cursor of the page before; exact while things change) or jump with `offset`.
        """
        limit = max(1, min(limit, MAX_PAGE))
        edge = catalog_edge
        page = (
            select(edge.c.peer_id, edge.c.code, edge.c.sort, catalog_peer.c.generation, catalog_peer.c.online)
            .join_from(edge, catalog_peer, _edge_in_force(edge))
            .where(edge.c.peer_id == peer_id, edge.c.parent == parent, edge.c.live)
            .order_by(edge.c.sort, edge.c.code)
            .limit(limit + 1)
        )
        if not secret:
            page = page.where(_is_open(edge, catalog_peer.c.generation))
        if after is not None:
            sort, code, _ = _cursor_values(after)
            page = page.where(tuple_(edge.c.sort, edge.c.code) > tuple_(sort, code))
        elif offset > 0:
            page = page.offset(offset)
        return await self._page(_listed(page, secret=secret), limit)

    async def count_children(self, peer_id: str, parent: str, *, secret: bool = True) -> int:
        """How many objects hang directly under an object."""
        edge = catalog_edge
        query = (
            select(func.count())
            .select_from(edge)
            .join(catalog_peer, _edge_in_force(edge))
            .where(edge.c.peer_id == peer_id, edge.c.parent == parent, edge.c.live)
        )
        query = query if secret else query.where(_is_open(edge, catalog_peer.c.generation))
        async with self._engine.connect() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def search(
        self,
        text: str,
        *,
        peer_id: str | None = None,
        kinds: Iterable[Kind] = (),
        limit: int = 200,
        after: str | None = None,
        secret: bool = True,
    ) -> Page:
        """Objects whose name or code contains every word of the text, one character being enough, by name.

        A scan of an index that holds nothing but names and codes, up to the first `limit` hits.
        """
        words = text[:MAX_QUERY_CHARS].replace("\0", "").encode("utf-8", "replace").decode().casefold().split()
        if not words:
            return Page([], None)
        table = catalog_item
        query = _ordered(secret=secret).where(*(table.c.search.like(_contains(word), escape="\\") for word in words))
        if wanted := [kind.value for kind in kinds]:
            query = query.where(table.c.kind.in_(wanted))
        if peer_id is not None:
            query = query.where(table.c.peer_id == peer_id)
        return await self._ordered_page(query, limit, after)

    async def playable(self, *, limit: int = 200, after: str | None = None, secret: bool = True) -> Page:
        """Everything a live stream may be asked of (see `catalog.is_playable`), of all peers, by name."""
        table = catalog_item
        query = _ordered(secret=secret).where(table.c.kind.not_in([kind.value for kind in NEVER_PLAYABLE_KINDS]))
        for number in sorted(NEVER_PLAYABLE_TYPES):
            query = query.where(table.c.code.not_like(f"{'_' * 10}{number}{'_' * 7}"))
        return await self._ordered_page(query, limit, after)

    async def in_region(
        self, region: str, *, limit: int = 200, offset: int = 0, after: str | None = None, secret: bool = True
    ) -> Page:
        """Objects filed under exactly this region (行政区划), of all peers, by name; region items are left out.

        Go on with `after`, or jump with `offset`.
        """
        table = catalog_item
        query = _ordered(secret=secret).where(table.c.region == region, table.c.kind != Kind.REGION.value)
        return await self._ordered_page(query.offset(offset) if offset > 0 else query, limit, after)

    async def groups(self, *, secret: bool = True) -> list[Listed]:
        """The business groups (业务分组, type 215) of all peers by name, the first `MAX_PAGE`."""
        table = catalog_item
        query = _ordered(secret=secret).where(table.c.code.like(f"{'_' * 10}215{'_' * 7}"))
        return (await self._ordered_page(query, MAX_PAGE, None)).rows

    async def regions(self, *, secret: bool = True) -> dict[str, int]:
        """How many objects are filed under each region."""
        table = catalog_item
        query = (
            select(table.c.region, func.count())
            .join_from(table, catalog_peer, in_force())
            .where(table.c.kind != Kind.REGION.value)
            .group_by(table.c.region)
        )
        query = query if secret else query.where(~table.c.secret)
        async with self._engine.connect() as connection:
            return {region: int(count) for region, count in await connection.execute(query)}

    async def _ordered_page(self, query: Select[Any], limit: int, after: str | None) -> Page:
        limit = max(1, min(limit, MAX_PAGE))
        table = catalog_item
        if after is not None:
            query = query.where(tuple_(table.c.sort, table.c.code, table.c.peer_id) > tuple_(*_cursor_values(after)))
        return await self._page(query.limit(limit + 1), limit)

    async def _page(self, query: Select[Any], limit: int) -> Page:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        listed = [Listed(stored_item(row), bool(row.has_children)) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(listed, None)
        last = rows[limit - 1]
        return Page(listed, _cursor_text(last.sort, last.code, last.peer_id))

    async def counts(self, peer_id: str | None = None, *, secret: bool = True) -> dict[Kind, KindCount]:
        """How many objects there are of each kind, of one peer or of all."""
        table = catalog_item
        reachable = and_(table.c.status == ON, catalog_peer.c.online)
        query = (
            select(table.c.kind, func.count(), func.count().filter(reachable))
            .join_from(table, catalog_peer, in_force())
            .group_by(table.c.kind)
        )
        query = query if secret else query.where(~table.c.secret)
        if peer_id is not None:
            query = query.where(table.c.peer_id == peer_id)
        async with self._engine.connect() as connection:
            rows = await connection.execute(query)
            return {Kind(kind): KindCount(int(total), int(online)) for kind, total, online in rows}

    async def count(self, peer_id: str | None = None) -> int:
        """How many objects there are, of one peer or of all."""
        query = select(func.count()).select_from(catalog_item).join(catalog_peer, in_force())
        if peer_id is not None:
            query = query.where(catalog_item.c.peer_id == peer_id)
        async with self._engine.connect() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def keys(self, codes: Iterable[str]) -> dict[str, list[ChannelKey]]:
        """Which peers have each of these codes."""
        table, found = catalog_item, dict[str, list[ChannelKey]]()
        for chunk in chunks(codes, NAMED_ROWS):
            query = (
                select(table.c.peer_id, table.c.code)
                .join_from(table, catalog_peer, in_force())
                .where(table.c.code.in_(chunk))
                .order_by(table.c.peer_id)
            )
            async with self._engine.connect() as connection:
                for key in await connection.execute(query):
                    found.setdefault(key.code, []).append(ChannelKey(key.peer_id, key.code))
        return found


def _ordered(*, secret: bool) -> Select[Any]:
    table = catalog_item
    query = (
        select_items()
        .add_columns(table.c.code, table.c.sort, _has_children(table, catalog_peer.c.generation, secret=secret))
        .order_by(table.c.sort, table.c.code, table.c.peer_id)
    )
    return query if secret else query.where(~table.c.secret)


def _listed(page: Select[Any], *, secret: bool) -> Select[Any]:
    """The objects of a page of edges, in the page's order and generation."""
    edges = page.subquery("page")
    item = catalog_item
    same = and_(
        item.c.peer_id == edges.c.peer_id,
        item.c.code == edges.c.code,
        item.c.gen_from <= edges.c.generation,
        item.c.gen_to > edges.c.generation,
    )
    return (
        select(
            item.c.peer_id,
            item.c.code,
            item.c.document,
            item.c.raw,
            item.c.changed_at,
            edges.c.sort,
            edges.c.online,
            _has_children(edges, edges.c.generation, secret=secret),
        )
        .join_from(edges, item, same)
        .order_by(edges.c.sort, edges.c.code)
    )
