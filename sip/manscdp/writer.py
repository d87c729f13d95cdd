"""From declared objects to XML text, by joining strings in the declared order of one edition."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any

from sip.manscdp.declaration import Edition, Extra, Structure
from sip.manscdp.errors import UnwritableError
from sip.manscdp.plan import Shape, Slot, edition_slots

# Markup, and what XML 1.0 cannot carry at all (control characters, lone surrogates, two non-characters).
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}

Emit = Callable[[list[str], Any, Edition], None]
Emitters = tuple[Callable[[Any], tuple[Any, ...]], list[Emit]]

_COMPILED: dict[tuple[type, Edition], Emitters] = {}


def escape(text: str) -> str:
    """Text as XML character data; characters XML cannot carry are left out."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda match: _ESCAPED.get(match[0], ""), text)


def elements(message: Structure, edition: Edition) -> list[str]:
    """The declared elements of an object, one text each, then its kept unknown elements."""
    shaped = message.for_edition(edition)
    out: list[str] = []
    getter, emitters = _emitters(type(shaped), edition)
    for value, emit in zip(getter(shaped), emitters, strict=True):
        if value is not None:
            emit(out, value, edition)
    out.extend(_extra(kept) for kept in shaped.extra)
    return out


def _emitters(cls: type[Structure], edition: Edition) -> Emitters:
    compiled = _COMPILED.get((cls, edition))
    if compiled is None:
        compiled = _COMPILED[(cls, edition)] = _compiled(cls, edition)
    return compiled


def _compiled(cls: type[Structure], edition: Edition) -> Emitters:
    """What to fetch from an object and how to write each part; elements that share a wrapper are one part."""
    attributes: list[str] = []
    emitters: list[Emit] = []
    slots = edition_slots(cls, edition)
    for within, group in groupby(slots, key=lambda named: named[1].facts.within):
        members = list(group)
        if within is None:
            for name, slot in members:
                attributes.append(slot.attribute)
                emitters.append(_emitter(cls, name, slot))
        else:
            attributes.append("__self__")
            emitters.append(_wrapper(cls, within, members))
    names = [a for a in attributes if a != "__self__"]
    fetch = attrgetter(*names) if names else None

    def get(item: Any) -> tuple[Any, ...]:
        found = () if fetch is None else (fetch(item) if len(names) > 1 else (fetch(item),))
        if len(names) == len(attributes):
            return found
        values = iter(found)
        return tuple(item if a == "__self__" else next(values) for a in attributes)

    return get, emitters


def _emitter(cls: type[Structure], name: str, slot: Slot) -> Emit:
    opening, closing = f"<{name}>", f"</{name}>"
    if slot.shape is Shape.GROUP:
        return lambda out, value, edition: out.append(opening + "".join(elements(value, edition)) + closing)
    if slot.shape is Shape.GROUPS:
        return lambda out, value, edition: out.extend(
            opening + "".join(elements(item, edition)) + closing for item in value
        )
    where = f"{cls.__name__}.{slot.attribute}"
    write = slot.value.write

    def text_of(value: Any) -> str:
        try:
            return opening + escape(write(value)) + closing
        except ValueError as error:
            raise UnwritableError(where, str(error), value) from None

    if slot.shape is Shape.VALUES:
        return lambda out, value, edition: out.extend(map(text_of, value))

    def emit(out: list[str], value: Any, edition: Edition) -> None:
        if value != "" or slot.default != "":
            out.append(text_of(value))

    return emit


def _wrapper(cls: type[Structure], within: str, members: list[tuple[str, Slot]]) -> Emit:
    parts = [(slot, _emitter(cls, name, slot)) for name, slot in members]
    counted = any(slot.facts.counted for slot, _ in parts)
    kept = any(slot.facts.keep_wrapper for slot, _ in parts)
    break_ = "\r\n" if counted else ""

    def emit(out: list[str], item: Any, edition: Edition) -> None:
        inner: list[str] = []
        for slot, emit_part in parts:
            value = getattr(item, slot.attribute)
            if value is not None:
                emit_part(inner, value, edition)
        if inner or kept:
            attribute = f' Num="{len(inner)}"' if counted else ""
            out.append(f"<{within}{attribute}>{break_}" + "".join(text + break_ for text in inner) + f"</{within}>")

    return emit


def _extra(kept: Extra) -> str:
    attributes = "".join(f' {n}="{escape(v).replace(chr(34), "&quot;")}"' for n, v in kept.attributes)
    return f"<{kept.name}{attributes}>{escape(kept.text)}{''.join(map(_extra, kept.children))}</{kept.name}>"
