"""What one upper platform is shown: its sharing rule (共享规则) evaluated on the catalogue, under published ids.

The evaluation itself is `catalog.share`; this translates the stored rule for it and keeps the result up to date where
only the status of objects changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from catalog import (
    EMPTY,
    ChannelKey,
    Item,
    Kind,
    PublishedSet,
    ShareMode,
    SharingRule,
    evaluate,
    is_playable,
    kind_of,
)
from gateway.relay.hub import StreamKey
from gateway.store.rules import Rule

_REGION_LENGTHS = (2, 4, 6, 8)


@dataclass(frozen=True)
class SharedCatalogue:
    """Items by published id, with the real channel behind each. Never changed, only replaced."""

    published: PublishedSet = EMPTY
    actions: frozenset[str] = field(default_factory=frozenset)

    def __len__(self) -> int:
        return len(self.published.items)

    @property
    def items(self) -> Mapping[str, Item]:
        """By published id, parents before children, the own system first."""
        return self.published.items

    @cached_property
    def published_id_of(self) -> dict[ChannelKey, str]:
        """The id behind which a real object is shown."""
        return {key: code for code, key in self.published.keys.items()}

    @cached_property
    def children_of(self) -> dict[str, list[str]]:
        """Published ids by the published id they hang under."""
        children: dict[str, list[str]] = {}
        for code, item in self.items.items():
            for parent in item.parent_ids:
                children.setdefault(parent, []).append(code)
        return children

    def real(self, published: str) -> StreamKey | None:
        """The channel behind a published id; None: not shared."""
        key = self.published.keys.get(published)
        return None if key is None else StreamKey(key.peer_id, key.code)

    def shows(self, key: StreamKey) -> bool:
        """Whether the channel is shared, under whatever id."""
        return ChannelKey(*key) in self.published_id_of

    def has_picture(self, published: str) -> bool:
        """Whether a live stream may be asked of it: not of a region, a group, a platform, an alarm input and so on, nor
        of a recorder that is shown as the parent of its channels (many list channels under a device's type, too)."""
        key = self.published.keys.get(published)
        if key is None or not is_playable(key.code):
            return False
        if kind_of(key.code) is not Kind.MAIN_DEVICE:
            return True
        children = (self.published.keys.get(code) for code in self.children_of.get(published, ()))
        return not any(child is not None and is_playable(child.code) for child in children)

    def allows(self, action: str) -> bool:
        return action in self.actions

    def is_on(self, published: str) -> bool:
        item = self.items.get(published)
        return item is not None and item.status == "ON"

    def with_states(self, fresh: Iterable[Item]) -> SharedCatalogue:
        """The same objects with the status and fault they have in `fresh` (real items)."""
        changed: dict[str, Item] = {}
        for item in fresh:
            code = self.published_id_of.get(item.key)
            if code is not None:
                old = self.items[code]
                if (old.status, old.fault) != (item.status, item.fault):
                    changed[code] = replace(old, status=item.status, fault=item.fault)
        if not changed:
            return self
        items = {code: changed.get(code, item) for code, item in self.items.items()}
        return SharedCatalogue(replace(self.published, items=items), self.actions)

    def below(self, code: str) -> list[Item]:
        """The part of the catalogue a query's DeviceID asks for: a region with everything in it, or an object with
        everything under it (GB/T 28181-2022 Annex J)."""
        if len(code) in _REGION_LENGTHS:
            return [item for item in self.items.values() if item.code == code or item.region.startswith(code)]
        found = dict.fromkeys([code] if code in self.items else [])
        work = [code]
        while work:
            for child in self.children_of.get(work.pop(), ()):
                if child not in found:
                    found[child] = None
                    work.append(child)
        return [self.items[one] for one in found]


def share(
    rule: Rule | None,
    items: Collection[Item],
    *,
    upper_id: str,
    system: Item,
    given: Mapping[ChannelKey, str],
    echoes: Mapping[str, Collection[str]],
) -> SharedCatalogue:
    """Evaluate a rule; without one nothing but our own system item is shown.

    `given` are the codes published to this upper platform before, `echoes` those published to every one.
    """
    if rule is None:
        return SharedCatalogue(PublishedSet({system.code: system}, {}))
    published = evaluate(
        sharing_rule(rule, upper_id, items),
        items,
        system=system,
        given=_with_wishes(given, rule, items),
        echoes=echoes,
    )
    return SharedCatalogue(published, frozenset(rule.actions))


def sharing_rule(rule: Rule, upper_id: str, items: Iterable[Item]) -> SharingRule:
    """The stored rule in the terms of the catalogue: names become keys of objects."""
    mode = ShareMode(rule.mode)
    known = list(items) if any("/" not in name for name in (*rule.channels, *rule.exclude)) else []
    return SharingRule(
        id=rule.id,
        upper_id=upper_id,
        name=rule.name,
        mode=mode,
        roots=frozenset(_keys(rule.channels, known, regions_as_roots=mode is ShareMode.SUBTREE)),
        exclude=frozenset(_keys(rule.exclude, known, regions_as_roots=False)),
        withhold=frozenset(rule.withhold),
    )


def _keys(names: Iterable[str], items: Collection[Item], *, regions_as_roots: bool) -> Iterable[ChannelKey]:
    """`peer/code` is one object; a bare code is that object at every peer, a whole peer, or a region."""
    by_code: dict[str, list[ChannelKey]] = {}
    for item in items:
        by_code.setdefault(item.code, []).append(item.key)
    for name in names:
        peer_id, slash, code = name.rpartition("/")
        if slash:
            yield ChannelKey(peer_id, code)
            continue
        yield from by_code.get(code, ())
        yield ChannelKey(code, code)
        if len(code) in _REGION_LENGTHS:
            if regions_as_roots:
                yield ChannelKey("", code)
            else:
                yield from (item.key for item in items if item.region.startswith(code))


def wished_ids(rule: Rule | None) -> dict[ChannelKey, str]:
    """The codes under which the operator wants objects shown."""
    published = rule.published if rule is not None else {}
    return {ChannelKey(*name.rpartition("/")[::2]): code for name, code in published.items()}


def _with_wishes(given: Mapping[ChannelKey, str], rule: Rule, items: Collection[Item]) -> dict[ChannelKey, str]:
    """The given codes with those the operator asked for; what had such a code before is given another one."""
    if not rule.published:
        return dict(given)
    wishes = wished_ids(rule)
    known = {item.key for item in items}
    wished = {code for key, code in wishes.items() if key in known}
    return {key: code for key, code in given.items() if code not in wished} | wishes
