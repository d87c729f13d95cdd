"""What an upper platform sees: the published set of a sharing rule, and how it changes.

Northbound catalogues follow GB/T 28181-2022 9.5.3 and Annexes H and J: the own system first and without a parent,
regions, systems, business groups, virtual organisations, devices; every object with a parent that is in the set.
Never published are secret objects (保密属性) and all under them, and what came from the upper platform itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from catalog.change import Event
from catalog.code import CONTAINERS, Kind
from catalog.division import division_of
from catalog.forest import Forest
from catalog.item import OFF, ON, ChannelKey, Item
from catalog.published_ids import PublishedIds
from catalog.sharing_rule import ShareMode, SharingRule
from catalog.tree import region_path


class LeftOut(StrEnum):
    """Why a chosen object is not published."""

    SECRET = "secret"
    LOOP = "loop"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Unmountable:
    """An object that cannot be shown where it hangs, and why. Its devices are shown under the own system instead."""

    key: ChannelKey
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would publish, in numbers."""

    total: int
    online: int
    by_kind: Mapping[Kind, int]
    left_out: Mapping[LeftOut, int]
    unmountable: int
    unnamed_regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """The catalogue an upper platform sees."""

    items: Mapping[str, Item]
    """By published code, parents before children, the own system first."""
    keys: Mapping[str, ChannelKey]
    """The real object behind a published code; the own system and regions have none."""
    new_ids: Mapping[ChannelKey, str] = field(default_factory=dict)
    """Codes given for the first time: to be stored before anything is sent."""
    unmountable: tuple[Unmountable, ...] = ()
    left_out: Mapping[LeftOut, int] = field(default_factory=dict)
    unnamed_regions: tuple[str, ...] = ()
    """Regions of published devices that nobody has a name for, and that are therefore not in the set."""

    def preview(self) -> Preview:
        """The numbers an operator looks at before switching a rule on."""
        kinds = Counter(item.kind for item in self.items.values())
        online = sum(1 for item in self.items.values() if item.kind not in CONTAINERS and item.status == ON)
        return Preview(
            total=len(self.items),
            online=online,
            by_kind=dict(kinds),
            left_out=dict(self.left_out),
            unmountable=len(self.unmountable),
            unnamed_regions=self.unnamed_regions,
        )


EMPTY = PublishedSet({}, {})
"""What an upper platform sees before anything was ever published to it."""


def evaluate(
    rule: SharingRule,
    items: Iterable[Item],
    *,
    system: Item,
    given: Mapping[ChannelKey, str],
    echoes: Mapping[str, Collection[str]] | None = None,
) -> PublishedSet:
    """The set a rule publishes, from all items of the node (with the status they have now).

    `system` is the own system item as this upper platform knows it, `given` the codes published to it before. `echoes`
    are, for peers that are upper platforms too, the codes published to them: what they list of those is ours already.
    """
    return _Evaluation(rule, Forest(items), system, given, echoes or {}).run()


_RANK = {Kind.REGION: 0, Kind.SYSTEM: 1, Kind.GROUP: 2, Kind.ORG: 3}


class _Evaluation:
    def __init__(
        self,
        rule: SharingRule,
        forest: Forest,
        system: Item,
        given: Mapping[ChannelKey, str],
        echoes: Mapping[str, Collection[str]],
    ) -> None:
        self._rule = rule
        self._forest = forest
        self._system = replace(system, parent_ids=())
        self._echoes = echoes
        real = {key.code for key in forest.items}
        self._ids = PublishedIds(given, system_code=system.code, reserved=(rule.upper_id,), real=real)
        self._unmountable: list[Unmountable] = []
        self._left_out: Counter[LeftOut] = Counter()

    def run(self) -> PublishedSet:
        barred = self._barred()
        chosen = self._chosen()
        self._left_out.update(barred[key] for key in chosen if key in barred)
        shown = {key for key in chosen if key not in barred}
        shown |= self._mounts(shown, barred)
        shown -= self._groupless(shown)
        # Sorted, so that of two new objects with one code it is always the same that keeps it.
        codes = {key: self._code(key) for key in sorted(shown)}
        published: dict[str, Item] = {self._system.code: self._shown(self._system)}
        keys: dict[str, ChannelKey] = {}
        regions, unnamed = self._regions(shown)
        published.update(regions)
        for key in self._in_order(shown):
            if self._forest.items[key].kind is not Kind.REGION:
                published[codes[key]] = self._rewritten(key, codes)
                keys[codes[key]] = key
        return PublishedSet(
            published, keys, dict(self._ids.new), tuple(self._unmountable), dict(self._left_out), unnamed
        )

    def _code(self, key: ChannelKey) -> str:
        # A region is the same region whoever lists it.
        return key.code if self._forest.items[key].kind is Kind.REGION else self._ids.assign(key)

    def _chosen(self) -> set[ChannelKey]:
        rule, items = self._rule, self._forest.items
        if rule.mode is ShareMode.ALL:
            return set(items)
        if rule.mode is ShareMode.LIST:
            return {key for key in rule.roots if key in items}
        regions = tuple(key.code for key in rule.roots if not key.peer_id)
        found = {key for key in self._forest.with_all_below(rule.roots) if key in items}
        if regions:
            found.update(key for key, item in items.items() if item.region.startswith(regions))
        return found

    def _barred(self) -> dict[ChannelKey, LeftOut]:
        """Everything that must not be published, with the strongest reason."""
        items, forest = self._forest.items, self._forest
        secret = [key for key, item in items.items() if item.is_secret]
        from_upper = [key for key in items if self._rule.upper_id in key]
        barred = dict.fromkeys(forest.with_all_below(self._rule.exclude), LeftOut.EXCLUDED)
        barred.update({key: LeftOut.LOOP for key in items if self._is_ours(key)})
        barred.update(dict.fromkeys(forest.with_all_below(from_upper), LeftOut.LOOP))
        barred.update(dict.fromkeys(forest.with_all_below(secret), LeftOut.SECRET))
        return barred

    def _is_ours(self, key: ChannelKey) -> bool:
        """Whether a peer lists what it has from this node: the item only, for it may hang its own devices under it."""
        return key.code == self._system.code or key.code in self._echoes.get(key.peer_id, ())

    def _mounts(self, shown: set[ChannelKey], barred: Mapping[ChannelKey, LeftOut]) -> set[ChannelKey]:
        """The groups, organisations and regions the chosen objects hang under."""
        needed: set[ChannelKey] = set()
        work = list(shown)
        while work:
            key = work.pop()
            above = [*self._forest.parents(key)]
            group = self._forest.items[key].business_group_id
            if group:
                above.append(ChannelKey(key.peer_id, group))
            for parent in above:
                item = self._forest.items.get(parent)
                if item is None or item.kind not in CONTAINERS or item.kind is Kind.SYSTEM:
                    continue
                if parent not in shown and parent not in needed and parent not in barred:
                    needed.add(parent)
                    work.append(parent)
        return needed

    def _group_of(self, key: ChannelKey, shown: Collection[ChannelKey]) -> ChannelKey | None:
        """The business group a virtual organisation belongs to: the one it names, else the one it hangs under."""
        named = ChannelKey(key.peer_id, self._forest.items[key].business_group_id)
        for group in (named, *self._forest.all_above(key)):
            if group in shown and self._forest.items[group].kind is Kind.GROUP:
                return group
        return None

    def _groupless(self, shown: set[ChannelKey]) -> set[ChannelKey]:
        groupless = {
            key for key in shown if self._forest.items[key].kind is Kind.ORG and self._group_of(key, shown) is None
        }
        self._unmountable += [Unmountable(key, "its business group is not published") for key in sorted(groupless)]
        return groupless

    def _in_order(self, shown: set[ChannelKey]) -> Iterator[ChannelKey]:
        """Kind by kind, within a kind parents first, otherwise by key."""
        items, done = self._forest.items, set[ChannelKey]()
        for start in sorted(shown, key=lambda key: (_RANK.get(items[key].kind, 4), key)):
            work = [start]
            while work:
                key = work[-1]
                waiting = [
                    parent
                    for parent in self._forest.parents(key)
                    if parent in shown
                    and parent not in done
                    and _RANK.get(items[parent].kind, 4) == _RANK.get(items[key].kind, 4)
                ]
                if waiting:
                    work.extend(waiting)
                    continue
                work.pop()
                if key not in done:
                    done.add(key)
                    yield key

    def _rewritten(self, key: ChannelKey, codes: Mapping[ChannelKey, str]) -> Item:
        item = self._forest.items[key]
        group = ""
        if item.kind is Kind.ORG and (owner := self._group_of(key, codes)):
            group = codes[owner]
        parents = self._published_parents(key, codes)
        return self._shown(replace(item, code=codes[key], parent_ids=parents, business_group_id=group))

    def _published_parents(self, key: ChannelKey, codes: Mapping[ChannelKey, str]) -> tuple[str, ...]:
        items = self._forest.items
        kind = items[key].kind
        above = [parent for parent in self._forest.parents(key) if parent in codes]
        orgs = [codes[parent] for parent in above if items[parent].kind is Kind.ORG]
        if kind is Kind.ORG:
            return tuple(orgs)
        virtual = orgs + [codes[parent] for parent in above if items[parent].kind is Kind.GROUP]
        carriers = [codes[parent] for parent in above if items[parent].kind not in CONTAINERS]
        systems = [codes[parent] for parent in above if items[parent].kind is Kind.SYSTEM]
        if kind in (Kind.SYSTEM, Kind.GROUP):
            return tuple(systems) or (self._owning_system(key, codes),)
        return tuple(dict.fromkeys((carriers + systems or [self._owning_system(key, codes)]) + virtual))

    def _owning_system(self, key: ChannelKey, codes: Mapping[ChannelKey, str]) -> str:
        for parent in self._forest.all_above(key):
            if parent in codes and self._forest.items[parent].kind is Kind.SYSTEM:
                return codes[parent]
        return self._system.code

    def _shown(self, item: Item) -> Item:
        """The item without what an upper platform never sees, and without what the rule withholds."""
        blank = Item(code=item.code)
        names = [name for name in self._rule.withhold if not name.startswith("info.")]
        info = {name: value for name, value in item.info.items() if f"info.{name}" not in self._rule.withhold}
        shown = replace(item, ip_address="", port=None, extra={}, raw="", peer_id="", info=info)
        return replace(shown, **{name: getattr(blank, name) for name in names}) if names else shown

    def _regions(self, shown: set[ChannelKey]) -> tuple[dict[str, Item], tuple[str, ...]]:
        """The regions of the published objects and those around them, within the own region; and the nameless ones."""
        items, own = self._forest.items, self._system.region
        names = {key.code: items[key].name for key in sorted(shown) if items[key].kind is Kind.REGION}
        wanted = set(names)
        for key in shown:
            region = items[key].region
            smallest = len(own) if region.startswith(own) else 0
            wanted.update(part for part in region_path(region) if len(part) >= smallest)
        if "civil_code" in self._rule.withhold:
            wanted = set(names)
        regions: dict[str, Item] = {}
        unnamed: list[str] = []
        for code in sorted(wanted, key=lambda code: (len(code), code)):
            known = division_of(code) if len(code) <= 6 else None
            name = names.get(code) or (known.name if known else "")
            if name:
                regions[code] = Item(code=code, name=name)
            else:
                unnamed.append(code)
        return regions, tuple(unnamed)


@dataclass(frozen=True, slots=True)
class PublishedChange:
    """One event for the upper platform. `item` is there for ADD and UPDATE."""

    event: Event
    code: str
    item: Item | None = None


def diff(old: PublishedSet, new: PublishedSet) -> list[PublishedChange]:
    """The events that turn what the upper platform saw into what it is to see.

    Removals come first, children before parents, then additions, parents before children, then everything else.
    """
    gone = [PublishedChange(Event.DEL, code) for code in reversed(list(old.items)) if code not in new.items]
    added: list[PublishedChange] = []
    changed: list[PublishedChange] = []
    for code, item in new.items.items():
        before = old.items.get(code)
        if before is None:
            added.append(PublishedChange(Event.ADD, code, item))
        elif before != item:
            changed.append(_changed(before, item))
    return gone + added + changed


def _changed(before: Item, item: Item) -> PublishedChange:
    if replace(before, status=item.status, fault=item.fault) != item:
        return PublishedChange(Event.UPDATE, item.code, item)
    if item.fault and item.fault != before.fault:
        return PublishedChange(Event(item.fault), item.code)
    return PublishedChange(Event.OFF if item.status == OFF else Event.ON, item.code)
