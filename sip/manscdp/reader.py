"""From an XML tree to declared objects, by the compiled tables of `plan`.

Holds no element names of its own. Every deviation it lets pass is one named flag of `Repair`, and is noted in `used`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lxml import etree

from sip.manscdp.declaration import Extra, Structure
from sip.manscdp.errors import ManscdpError
from sip.manscdp.plan import Plan, Shape, Slot, Table, plan_of
from sip.manscdp.repair import Limits, Repair

S = TypeVar("S", bound=Structure)
Node = etree._Element
_MAX_REPORTED = 100
_TOO_MUCH = 413


@dataclass(slots=True)
class Reader:
    """Reads one document. `text` is the document's source, from which items take their `raw` text."""

    repair: Repair
    limits: Limits
    text: str
    path: list[str] = field(default_factory=list)
    used: dict[str, None] = field(default_factory=dict)
    set_aside: list[ManscdpError] = field(default_factory=list)
    unknown: int = 0
    _dropped: dict[int, int] = field(default_factory=dict)
    _sources: dict[str, list[str]] = field(default_factory=dict)

    def tolerates(self, name: str) -> bool:
        """Whether the named tolerance is on; noted as used if so."""
        if not getattr(self.repair, name):
            return False
        self.used[name] = None
        return True

    def ignores(self, name: str, error: ManscdpError) -> bool:
        """Whether the named tolerance lets this be left out; reported in `set_aside` if so. A limit never is."""
        if error.status == _TOO_MUCH or not self.tolerates(name):
            return False
        if len(self.set_aside) < _MAX_REPORTED:
            self.set_aside.append(error)
        return True

    def error(self, what: str, value: str = "", *leaf: str) -> ManscdpError:
        """The error at the present element, or at `leaf` below it."""
        return ManscdpError("/" + "/".join((*self.path, *leaf)), what, value)

    def read(self, nodes: Iterable[Node], cls: type[S]) -> S:
        """One declared object from its child elements."""
        plan = plan_of(cls)
        values: dict[str, Any] = {}
        extra: list[Extra] = []
        self._fill(nodes, plan.table, values, extra)
        for slot in plan.expected:
            if slot.attribute not in values:
                values[slot.attribute] = self._missing(slot)
        if extra:
            values["extra"] = tuple(extra)
        made = cls(**values)
        made.after_reading()
        return made

    def _missing(self, slot: Slot) -> Any:
        if slot.facts.tolerance and self.tolerates(slot.facts.tolerance):
            return slot.facts.assumed
        raise self.error("missing", "", slot.facts.name)

    def _fill(self, nodes: Iterable[Node], table: Table, values: dict[str, Any], extra: list[Extra]) -> None:
        get = table.get
        text_shape, value_shape = Shape.TEXT, Shape.VALUE
        for child in nodes:
            slot = get(child.tag)
            if slot is None:
                slot = self._find(table, child)
                if slot is None:
                    extra.append(self.extra(child))
                    continue
            if slot.leaf is not None and not len(child):
                slot = slot.leaf
            shape = slot.shape
            if shape is not text_shape and shape is not value_shape:
                self._branch(slot, child, values, extra)
                continue
            attribute = slot.attribute
            text = child.text
            if attribute in values:
                self._repeated(slot, child, values, extra)
            elif shape is text_shape:
                values[attribute] = text.strip() if text else ""
            else:
                self._value(slot, text.strip() if text else "", values)

    def _branch(self, slot: Slot, child: Node, values: dict[str, Any], extra: list[Extra]) -> None:
        if slot.shape is Shape.GROUPS:
            self._groups(slot, child, values)
        elif slot.shape is Shape.VALUES:
            self._values(slot, child, values)
        elif slot.shape is Shape.WRAPPER:
            assert slot.table is not None
            self.path.append(slot.facts.name)
            inner: list[Extra] = []
            self._fill(child, slot.table, values, inner)
            self.path.pop()
            if inner:
                extra.append(Extra(slot.facts.name, children=tuple(inner)))
        else:
            self._group(slot, child, values)

    def _find(self, table: Table, child: Node) -> Slot | None:
        """The slot of an element written in another letter case or with a namespace."""
        tag = str(child.tag)
        local = tag.rpartition("}")[2].rpartition(":")[2]
        if local != tag and self.repair.namespaces:
            slot = table.folded.get(local.lower())
            if slot is not None:
                self.used["namespaces"] = None
                return slot
        slot = table.folded.get(local.lower()) if self.repair.tag_case else None
        if slot is not None and local == tag:
            self.used["tag_case"] = None
            return slot
        return None

    def _repeated(self, slot: Slot, child: Node, values: dict[str, Any], extra: list[Extra]) -> None:
        """A scalar element that comes twice: the first that says something counts, the others are kept aside."""
        if not self.tolerates("repeated_elements"):
            raise self.error("given twice", child.text or "", slot.facts.name)
        if values[slot.attribute] in ("", None):
            del values[slot.attribute]
            self._fill([child], _single(slot), values, extra)
        else:
            extra.append(self.extra(child))

    def _value(self, slot: Slot, text: str, values: dict[str, Any]) -> None:
        try:
            values[slot.attribute] = slot.read(text)
        except ValueError as error:
            self._irregular(slot, text, values, error)

    def _irregular(self, slot: Slot, text: str, values: dict[str, Any], problem: ValueError) -> None:
        """A text that is not of its type: what it is known to mean, else nothing given, else the peer's error."""
        value = slot.value
        if value.tolerated is not None and getattr(self.repair, value.tolerance):
            meant = value.tolerated(text)
            if meant is not None:
                self.used[value.tolerance] = None
                values[slot.attribute] = meant
                return
        if not text and slot.optional:
            return
        error = self.error(str(problem), text, slot.facts.name)
        if slot.facts.tolerance and self.ignores(slot.facts.tolerance, error):
            values[slot.attribute] = slot.facts.assumed
        elif not (slot.optional and self.ignores(value.junk, error)):
            raise error from None

    def _values(self, slot: Slot, child: Node, values: dict[str, Any]) -> None:
        found: list[Any] = values.setdefault(slot.attribute, [])
        index = self._index(found, slot)
        text = (child.text or "").strip()
        try:
            found.append(slot.value.read(text))
        except ValueError as problem:
            error = self.error(str(problem), text, f"{slot.facts.name}[{index}]")
            if not self.ignores("bad_items", error):
                raise error from None
            self._dropped[id(found)] = self._dropped.get(id(found), 0) + 1

    def _group(self, slot: Slot, child: Node, values: dict[str, Any]) -> None:
        assert slot.cls is not None
        if slot.optional and not len(child) and not (child.text or "").strip():
            return
        self.path.append(slot.facts.name)
        read = self.read(child, slot.cls)
        self.path.pop()
        first = values.setdefault(slot.attribute, read)
        if first is not read:
            if not self.tolerates("repeated_elements"):
                raise self.error("given twice", "", slot.facts.name)
            _merge(first, read, plan_of(slot.cls))

    def _groups(self, slot: Slot, child: Node, values: dict[str, Any]) -> None:
        assert slot.cls is not None
        found: list[Any] = values.setdefault(slot.attribute, [])
        index = self._index(found, slot)
        depth = len(self.path)
        self.path.append(f"{slot.facts.name}[{index}]")
        try:
            made: Any = self.read(child, slot.cls)
        except ManscdpError as error:
            if not self.ignores("bad_items", error):
                raise
            del self.path[depth:]
            self._dropped[id(found)] = self._dropped.get(id(found), 0) + 1
            return
        self.path.pop()
        if plan_of(slot.cls).raw:
            made.raw = self._source(child, index)
        found.append(made)

    def _index(self, found: list[Any], slot: Slot) -> int:
        """Position of the next element of a list, counting those left out."""
        index = len(found) + self._dropped.get(id(found), 0)
        if index >= self.limits.items:
            raise ManscdpError(
                "/" + "/".join(self.path), f"more than {self.limits.items} {slot.facts.name}", status=_TOO_MUCH
            )
        return index

    def _source(self, child: Node, index: int) -> str:
        """The text of the index-th element of this name as it stands in the document."""
        tag = str(child.tag)
        sources = self._sources.get(tag)
        if sources is None:
            sources = _elements_named(tag, self.text)
            parent = child.getparent()
            if parent is None or len(sources) != sum(1 for c in parent if c.tag == tag):
                sources = []
            self._sources[tag] = sources
        if index < len(sources):
            return sources[index]
        return etree.tostring(child, encoding="unicode", with_tail=False)

    def extra(self, node: Node, depth: int = 0) -> Extra:
        """An element without a meaning here, kept whole."""
        if depth > self.limits.depth:
            raise self.error("nested too deeply")
        self.unknown += 1
        if self.unknown > self.limits.unknown:
            raise ManscdpError("body", f"more than {self.limits.unknown} unknown elements", status=_TOO_MUCH)
        return Extra(
            str(node.tag).rpartition("}")[2],
            (node.text or "").strip(),
            tuple((str(name).rpartition("}")[2], str(value)) for name, value in node.attrib.items()),
            tuple(self.extra(child, depth + 1) for child in node),
        )


def _elements_named(tag: str, text: str) -> list[str]:
    """Source texts of the elements of one name, which do not nest, in order."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    found = []
    for part in text.split(closing)[:-1]:
        start = part.find(opening)
        if start >= 0:
            found.append(part[start:] + closing)
    return found


def _single(slot: Slot) -> Table:
    table = Table()
    for name in (slot.facts.name, slot.facts.old_name, *slot.facts.aliases):
        if name is not None:
            table.put(name, slot)
    return table


def _merge(first: Structure, later: Structure, plan: Plan) -> None:
    """Fills what the first of several equal groups left out from a later one."""
    for slot in plan.slots:
        if getattr(first, slot.attribute) is None:
            setattr(first, slot.attribute, getattr(later, slot.attribute))
    first.extra += later.extra
