"""Where an object hangs in the tree (目录组织): GB/T 28181-2022 9.5.3.1.1 and Annex J, and what peers send instead.

A peer's catalogue is a graph: an item *claims* parents, by ParentID, by BusinessGroupID, or, for a region, by its code.
A claim is honoured when the parent is in the same catalogue and the claim is on no circle; an item without an honoured
claim hangs under the peer itself. The peer's own item hangs under nothing, which is written as `TOP`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import StrEnum

from catalog.code import Kind, kind_of
from catalog.item import Item

TOP = ""
"""The parent of a peer's own item."""

_NO_PARENT = frozenset({"", "0", "null", "none", "nil"})
_MAX_PARENTS = 32

Claims = Mapping[str, tuple[str, ...]]


class ParentRole(StrEnum):
    """By what right something is a parent."""

    VIRTUAL = "virtual"  # a virtual organisation, 216
    GROUP = "group"  # a business group, 215
    REGION = "region"  # an administrative region
    SYSTEM = "system"  # a platform, 200 and its like
    DEVICE = "device"  # anything else


_ROLE_BY_KIND = {
    Kind.ORG: ParentRole.VIRTUAL,
    Kind.GROUP: ParentRole.GROUP,
    Kind.REGION: ParentRole.REGION,
    Kind.SYSTEM: ParentRole.SYSTEM,
}


def parent_role(code: str) -> ParentRole:
    """The right by which an object with this code is a parent."""
    return _ROLE_BY_KIND.get(kind_of(code), ParentRole.DEVICE)


def split_parent_ids(text: str | None) -> tuple[str, ...]:
    """The codes in a ParentID: cut at `/`, without blanks, repetitions and the words peers send for "none"."""
    if not text:
        return ()
    parts = (part.strip() for part in text.split("/"))
    return tuple(dict.fromkeys(part for part in parts if part.lower() not in _NO_PARENT))[:_MAX_PARENTS]


def claims_of(item: Item) -> tuple[str, ...]:
    """The codes the item names as its parents, never its own."""
    if item.kind is Kind.REGION:
        claimed: tuple[str, ...] = (item.code[:-2],) if len(item.code) > 2 else ()
    else:
        claimed = item.parent_ids
        # A virtual organisation directly under its group carries no ParentID, only the group.
        under_an_org = any(kind_of(parent) is Kind.ORG for parent in claimed)
        if item.kind is Kind.ORG and item.business_group_id and not under_an_org:
            claimed = (item.business_group_id,)
    return tuple(code for code in dict.fromkeys(claimed) if code and code != item.code)[:_MAX_PARENTS]


def resolve_parents(item: Item, known_codes: Container[str], peer: str) -> tuple[str, ...]:
    """The parents one item hangs under, looking at nothing but which codes exist (circles: see `resolve_tree`)."""
    return _honoured(item.code, claims_of(item), known_codes, peer)


def _honoured(code: str, claims: Iterable[str], known_codes: Container[str], peer: str) -> tuple[str, ...]:
    if code == peer:
        return (TOP,)
    return tuple(claim for claim in claims if claim == peer or claim in known_codes) or (peer,)


def resolve_tree(claims: Claims, peer: str) -> dict[str, tuple[str, ...]]:
    """The parents of every item, from what all of them claim: `{code: claims}` to `{code: parents}`.

    The result has no circle whatever the claims: the claims inside a circle are dropped, for all its members alike, so
    the order of the items does not matter. Linear in the number of claims.
    """
    parents = {code: _honoured(code, named, claims, peer) for code, named in claims.items()}
    for circle in circles(parents):
        for code in circle:
            parents[code] = tuple(parent for parent in parents[code] if parent not in circle) or (peer,)
    return parents


def circles(parents: Claims) -> list[frozenset[str]]:
    """The groups of items that are their own ancestors (strongly connected components of more than one item)."""
    search = _CircleSearch(parents)
    for code in parents:
        search.visit(code)
    return search.found


class _CircleSearch:
    """Tarjan's algorithm, without recursion because a chain may be as long as the catalogue."""

    def __init__(self, parents: Claims) -> None:
        self.found: list[frozenset[str]] = []
        self._parents = parents
        self._index: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._stack: list[str] = []
        self._on_stack: set[str] = set()

    def visit(self, start: str) -> None:
        if start in self._index:
            return
        work = [(start, iter(self._enter(start)))]
        while work:
            code, rest = work[-1]
            for parent in rest:
                if parent not in self._index:
                    if parent in self._parents:
                        work.append((parent, iter(self._enter(parent))))
                        break
                elif parent in self._on_stack:
                    self._low[code] = min(self._low[code], self._index[parent])
            else:
                work.pop()
                self._leave(code)
                if work:
                    below = work[-1][0]
                    self._low[below] = min(self._low[below], self._low[code])

    def _enter(self, code: str) -> tuple[str, ...]:
        self._index[code] = self._low[code] = len(self._index)
        self._stack.append(code)
        self._on_stack.add(code)
        return self._parents[code]

    def _leave(self, code: str) -> None:
        if self._low[code] != self._index[code]:
            return
        members: list[str] = []
        while True:
            member = self._stack.pop()
            self._on_stack.discard(member)
            members.append(member)
            if member == code:
                break
        if len(members) > 1:
            self.found.append(frozenset(members))


def ancestors(code: str, parents: Claims) -> set[str]:
    """Every code above this one, over all its parents, without TOP."""
    above: set[str] = set()
    work = [code]
    while work:
        for parent in parents.get(work.pop(), ()):
            if parent and parent not in above:
                above.add(parent)
                work.append(parent)
    return above


def region_path(civil_code: str) -> tuple[str, ...]:
    """A region and the regions around it, largest first: `340102` to `("34", "3401", "340102")`."""
    return tuple(civil_code[:length] for length in (2, 4, 6, 8) if length <= len(civil_code))


def sort_key(code: str, name: str) -> bytes:
    """What siblings are ordered by, the same on every database: containers first, then the name.

    Names compare by their GB 18030 bytes, which puts the common characters in pinyin order, with numbers by value.
    """
    rank = b"0" if kind_of(code) in (Kind.REGION, Kind.SYSTEM, Kind.GROUP, Kind.ORG) else b"1"
    return rank + natural_name(name)


_DIGIT_RUN_WIDTH = 8
_SORT_BYTES = 96


def natural_name(name: str) -> bytes:
    """A name as bytes that sort the way a reader expects; at most 96 bytes."""
    out: list[str] = []
    run = ""
    for char in name[:_SORT_BYTES]:
        if "0" <= char <= "9":
            run += char
            continue
        if run:
            out.append(run.zfill(_DIGIT_RUN_WIDTH))
            run = ""
        out.append(char)
    if run:
        out.append(run.zfill(_DIGIT_RUN_WIDTH))
    return "".join(out).casefold().encode("gb18030", "replace")[:_SORT_BYTES]
