"""Tree edges as table rows: written whole for a sync, and by their neighbourhood for a notification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.store.rows import split_claims
from catalog.store.schema import LITERALLY_OPEN_ENDED, OPEN_ENDED, catalog_edge, catalog_item
from catalog.store.writing import NAMED_ROWS, TRANSACTION_ROWS, chunks
from catalog.tree import resolve_tree

_MAX_LEVELS = 64
"""Trees deeper than this are read whole instead of level by level."""


class Node(NamedTuple):
    """What the tree needs to know of an object."""

    claims: tuple[str, ...]
    sort: bytes


class Edge(NamedTuple):
    """One row of `catalog_edge`, without its generations."""

    parent: str
    live: bool
    sort: bytes
    code: str


def edges_of(nodes: Mapping[str, Node], peer_id: str) -> set[Edge]:
    """All edges between these objects, which must be every object that any of them has above itself."""
    resolved = resolve_tree({code: node.claims for code, node in nodes.items()}, peer_id)
    edges: set[Edge] = set()
    for code, parents in resolved.items():
        claims, sort = nodes[code]
        edges.update(Edge(parent, True, sort, code) for parent in parents)
        edges.update(Edge(claim, False, sort, code) for claim in claims if claim not in parents)
    return edges


def edge_values(peer_id: str, edge: Edge) -> dict[str, Any]:
    """The edge as column values."""
    return {"peer_id": peer_id, **edge._asdict()}


INSERT_EDGE = insert(catalog_edge)

_THIS_EDGE = and_(
    catalog_edge.c.peer_id == bindparam("b_peer_id"),
    catalog_edge.c.parent == bindparam("b_parent"),
    catalog_edge.c.live == bindparam("b_live"),
    catalog_edge.c.sort == bindparam("b_sort"),
    catalog_edge.c.code == bindparam("b_code"),
    catalog_edge.c.gen_to == LITERALLY_OPEN_ENDED,
)
END_EDGE = update(catalog_edge).where(_THIS_EDGE).values(gen_to=bindparam("b_gen_to"))
_DELETE_EDGE = delete(catalog_edge).where(_THIS_EDGE)


def edge_parameters(peer_id: str, edge: Edge) -> dict[str, Any]:
    """The parameters of END_EDGE (which also wants `b_gen_to`)."""
    return {f"b_{name}": value for name, value in edge_values(peer_id, edge).items()}


class Neighbourhood:
    """Brings the edges right after some objects of a peer were added, removed, renamed or moved.

    Only objects whose place can have changed are looked at: those, the ones that name them as parents, and everything
    above, before and after. Runs inside the transaction that changed the objects, after the change.
    """

    def __init__(self, connection: AsyncConnection, peer_id: str, generation: int) -> None:
        self._connection = connection
        self._peer_id = peer_id
        self._generation = generation

    async def relink(self, before: Mapping[str, Node | None], after: Mapping[str, Node | None]) -> None:
        """`before` and `after` have the changed objects, None where there is none."""
        came_or_went = [code for code in after if (before[code] is None) != (after[code] is None)]
        wanted = {*after, *(await self._claimants(came_or_went))}
        for node in (*before.values(), *after.values()):
            wanted.update(node.claims if node else ())
        nodes = await self._with_all_above(wanted)
        present = await self._present_edges({*nodes, *after})
        target = edges_of(nodes, self._peer_id)
        gone, new = present - target, target - present
        if gone:
            await self._connection.execute(_DELETE_EDGE, [edge_parameters(self._peer_id, edge) for edge in gone])
        if new:
            rows = [edge_values(self._peer_id, e) | {"gen_from": self._generation, "gen_to": OPEN_ENDED} for e in new]
            await self._connection.execute(INSERT_EDGE, rows)

    async def _claimants(self, codes: Iterable[str]) -> set[str]:
        table, found = catalog_edge, set[str]()
        for chunk in chunks(codes, NAMED_ROWS):
            query = select(table.c.code).where(
                table.c.peer_id == self._peer_id, table.c.parent.in_(chunk), *_in_force(table, self._generation)
            )
            found.update((await self._connection.execute(query)).scalars())
        return found

    async def _with_all_above(self, codes: set[str]) -> dict[str, Node]:
        table = catalog_item
        nodes: dict[str, Node] = {}
        asked: set[str] = set()
        frontier = codes
        levels = 0
        while frontier:
            levels += 1
            if levels > _MAX_LEVELS:
                return await all_nodes(self._connection, self._peer_id, self._generation)
            asked |= frontier
            above: set[str] = set()
            for chunk in chunks(frontier, NAMED_ROWS):
                query = _nodes_query(self._peer_id, self._generation).where(table.c.code.in_(chunk))
                for code, claims, sort in await self._connection.execute(query):
                    nodes[code] = Node(split_claims(claims), sort)
                    above.update(nodes[code].claims)
            frontier = above - asked
        return nodes

    async def _present_edges(self, codes: set[str]) -> set[Edge]:
        table, found = catalog_edge, set[Edge]()
        for chunk in chunks(codes, NAMED_ROWS):
            query = select(table.c.parent, table.c.live, table.c.sort, table.c.code).where(
                table.c.peer_id == self._peer_id, table.c.code.in_(chunk), *_in_force(table, self._generation)
            )
            found.update(Edge(*row) for row in await self._connection.execute(query))
        return found


def _nodes_query(peer_id: str, generation: int) -> Select[Any]:
    table = catalog_item
    return select(table.c.code, table.c.claims, table.c.sort).where(
        table.c.peer_id == peer_id, *_in_force(table, generation)
    )


async def all_nodes(connection: AsyncConnection, peer_id: str, generation: int) -> dict[str, Node]:
    """Every object of a peer in that generation, for its tree."""
    nodes: dict[str, Node] = {}
    async with connection.stream(_nodes_query(peer_id, generation)) as result:
        async for part in result.partitions(TRANSACTION_ROWS):
            nodes.update((code, Node(split_claims(claims), sort)) for code, claims, sort in part)
    return nodes


async def all_edges(connection: AsyncConnection, peer_id: str, generation: int) -> set[Edge]:
    """Every edge of a peer in that generation."""
    table = catalog_edge
    query = select(table.c.parent, table.c.live, table.c.sort, table.c.code).where(
        table.c.peer_id == peer_id, *_in_force(table, generation)
    )
    edges: set[Edge] = set()
    async with connection.stream(query) as result:
        async for part in result.partitions(TRANSACTION_ROWS):
            edges.update(Edge(*row) for row in part)
    return edges


def _in_force(table: Any, generation: int) -> tuple[Any, Any]:
    return table.c.gen_from <= generation, table.c.gen_to > generation
