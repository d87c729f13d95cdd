"""The trees of all peers side by side, for questions that go up and down them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.item import ChannelKey, Item
from catalog.tree import TOP, claims_of, resolve_tree


class Forest:
    """Items of several peers, each peer with its tree. Built in one pass; linear in items and edges."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items: dict[ChannelKey, Item] = {item.key: item for item in items}
        self._parents: dict[ChannelKey, tuple[ChannelKey, ...]] = {}
        self._children: dict[ChannelKey, list[ChannelKey]] = {}
        by_peer: dict[str, dict[str, tuple[str, ...]]] = {}
        for key, item in self.items.items():
            by_peer.setdefault(key.peer_id, {})[key.code] = claims_of(item)
        for peer_id, claims in by_peer.items():
            self._grow(peer_id, resolve_tree(claims, peer_id))

    def _grow(self, peer_id: str, parents: Mapping[str, tuple[str, ...]]) -> None:
        for code, above in parents.items():
            key = ChannelKey(peer_id, code)
            self._parents[key] = tuple(ChannelKey(peer_id, parent) for parent in above if parent != TOP)
            for parent in self._parents[key]:
                self._children.setdefault(parent, []).append(key)

    def parents(self, key: ChannelKey) -> tuple[ChannelKey, ...]:
        """What the object hangs under; the peer itself may be among it without being an item."""
        return self._parents.get(key, ())

    def with_all_below(self, roots: Iterable[ChannelKey]) -> set[ChannelKey]:
        """These and everything under them."""
        found = set(roots)
        work = list(found)
        while work:
            for child in self._children.get(work.pop(), ()):
                if child not in found:
                    found.add(child)
                    work.append(child)
        return found

    def all_above(self, key: ChannelKey) -> list[ChannelKey]:
        """Everything the object hangs under, nearest first."""
        found: dict[ChannelKey, None] = {}
        level = [key]
        while level:
            level = [parent for below in level for parent in self.parents(below) if parent not in found]
            found.update(dict.fromkeys(level))
        return list(found)
