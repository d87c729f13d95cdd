"""Tolerances for MANSCDP bodies: each deviation met in the field has a name, its evidence and an off switch.

Also the text repairs that make a broken document parse, and the limits checked before anything is parsed.
References like "8.2-29" are rows of the table of real-world deviations of the signalling reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITY = r"(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"
_BARE_AMPERSAND = re.compile(rf"&(?!{_ENTITY})")
_TAG = re.compile(r"<(/?)([A-Za-z_][\w.:-]{0,63})((?:\s[^<>]{0,1000})?)(/?)>")
_OPAQUE_START = re.compile(r"<!\[CDATA\[|<!--")
_MAX_OPEN = 64
_UNQUOTED = re.compile(r"""(\s[\w.:-]+\s*=\s*)([^\s"'<>=/][^\s"'<>/]*)""")
_ITEM_OPEN = re.compile(r"<Item(?=[\s>])[^<>]*>", re.IGNORECASE)
_ITEM_CLOSE = re.compile(r"</Item\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repair:
    """What to let pass in a peer's body. `LENIENT` has all on (the default), `STRICT` all off."""

    control_characters: bool = True
    """Control bytes 00-08, 0B, 0C, 0E-1F inside values are dropped (8.2-30; Hikvision)."""
    unescaped_markup: bool = True
    """`&` and `<` written bare in a name are taken as text (8.2-29; Hikvision)."""
    unquoted_attributes: bool = True
    """`<DeviceList Num=2>` (8.2-31; the standard's own examples)."""
    text_after_root: bool = True
    """Bytes behind the root's end tag: NUL padding, a second prolog, a stray tag."""
    broken_items: bool = True
    """A missing or doubled `</Item>`: the complete items are kept (8.2-32)."""
    truncated: bool = True
    """A document cut off: complete items, or leading elements of a notification or answer, are kept (8.2-32)."""
    tag_case: bool = True
    """Element names in another letter case: `<deviceid>`, `<AlarmStatus>` (8.2-33)."""
    namespaces: bool = True
    """A default or prefixed namespace, declared or not (8.2-33; the standard's schemas have one)."""
    repeated_elements: bool = True
    """A single element given several times, several Info blocks: the first counts (8.2-33)."""
    root_swapped: bool = True
    """Root Response where Notify belongs and the reverse (8.2-34; the standard's own examples)."""
    command_spelling: bool = True
    """Command type or root name with blanks or in another letter case (8.2-34; the standard's own examples)."""
    sn_missing: bool = True
    """No sequence number, or none that is a number: 0 (8.2-35)."""
    device_id_missing: bool = True
    """No DeviceID at the top: empty; the SIP From names the sender (8.2-35, 8.2-51)."""
    status_spelling: bool = True
    """ONLINE, OK, on, 1, true or nothing for ON, and the like (8.2-38; WVP, gb-cms)."""
    parental_spelling: bool = True
    """Flags as 65535, true or nothing (8.2-38; Hikvision Parental 65535)."""
    enumeration_spelling: bool = True
    """Enumerated words in another letter case, `delete` for DEL (8.2-41)."""
    enumeration_junk: bool = True
    """An optional enumerated element with an unknown word counts as not given."""
    coordinate_junk: bool = True
    """Longitude or latitude out of range or not a number count as not given (8.2-39)."""
    number_junk: bool = True
    """An optional number that is not one counts as not given (8.2-36: SumNum)."""
    bad_items: bool = True
    """A list item that cannot be understood is set aside and reported; its neighbours are kept."""


LENIENT = Repair()
STRICT = Repair(**{f.name: False for f in fields(Repair)})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a body may cost.

    body_bytes: before decoding. tags: before parsing. repair_characters: of a body that is not well-formed.
    items: of one list. unknown, depth: number and nesting of elements without a meaning here.
    """

    body_bytes: int = 1_048_576
    tags: int = 150_000
    repair_characters: int = 262_144
    items: int = 10_000
    unknown: int = 20_000
    depth: int = 16


def without_control_characters(text: str) -> str:
    """The text without characters XML 1.0 cannot carry."""
    return _CONTROL.sub("", text)


def escape_markup(text: str, known: frozenset[str]) -> str:
    """Escapes each `&` that starts no entity and each `<` that starts no tag.

    A tag-like text counts as a tag when its name is one of `known` (lower case) or its end tag is somewhere.
    """
    closed = {match[2].lower() for match in _TAG.finditer(text) if match[1]}

    def plain(part: str) -> str:
        out: list[str] = []
        position = 0
        for match in _TAG.finditer(part):
            name = match[2].rpartition(":")[2].lower()
            if match[4] or name in known or match[2].lower() in closed:
                out.append(_escape(part[position : match.start()]))
                out.append(match[0])
                position = match.end()
        out.append(_escape(part[position:]))
        return "".join(out)

    return _outside_opaque(text, plain)


def quote_attributes(text: str) -> str:
    """Puts quotes round attribute values that have none."""
    return _TAG.sub(lambda m: _UNQUOTED.sub(r'\1"\2"', m[0]) if m[3] else m[0], text)


def cut_after_root(text: str, root: str) -> str:
    """The text up to the first end tag of the root."""
    match = re.search(rf"</{re.escape(root)}\s*>", text)
    return text[: match.end()] if match else text


def close_items(text: str, root: str) -> tuple[str, int, bool] | None:
    """Rebuilds a document with broken items from what stands before them and the complete items.

    Returns (document, number of items, whether the document's own end was there); None without any item.
    An item without end tag counts as complete when another item or the list's end follows.
    """
    starts = list(_ITEM_OPEN.finditer(text))
    if not starts:
        return None
    whole = re.search(rf"</{re.escape(root)}\s*>", text) is not None
    head = text[: starts[0].start()]
    open_tags = _open_tags(head)
    list_end = re.search(rf"</{re.escape(open_tags[-1])}\s*>", text) if len(open_tags) > 1 else None
    items = []
    for index, start in enumerate(starts):
        last = index + 1 == len(starts)
        end = list_end.start() if last and list_end else len(text) if last else starts[index + 1].start()
        chunk = text[start.end() : max(end, start.end())]
        close = _ITEM_CLOSE.search(chunk)
        if close is not None:
            chunk = chunk[: close.start()]
        elif last and list_end is None:
            continue
        items.append(f"<Item>{chunk}</Item>")
    tail = "".join(f"</{name}>" for name in reversed(open_tags))
    return head + "".join(items) + tail, len(starts), whole


def close_open_elements(text: str) -> str:
    """The text up to its last end tag, with what is then still open closed."""
    ends = [match.end() for match in _TAG.finditer(text) if match[1] or match[4]]
    kept = text[: ends[-1]] if ends else ""
    return kept + "".join(f"</{name}>" for name in reversed(_open_tags(kept)))


def _open_tags(head: str) -> list[str]:
    """Elements not closed at the end of a text; looks no deeper than 64, so that it stays linear."""
    stack: list[str] = []
    for match in _TAG.finditer(head):
        if match[4]:
            continue
        if not match[1]:
            stack.append(match[2])
        elif match[2] in stack:
            while stack.pop() != match[2]:
                pass
        if len(stack) > _MAX_OPEN:
            break
    return stack


def _escape(text: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;")


def _outside_opaque(text: str, plain: Callable[[str], str]) -> str:
    """Applies `plain` to what is in no CDATA section and no comment."""
    out: list[str] = []
    position = 0
    while (start := _OPAQUE_START.search(text, position)) is not None:
        closing = "]]>" if start[0] == "<![CDATA[" else "-->"
        end = text.find(closing, start.end())
        if end < 0:
            break
        out.append(plain(text[position : start.start()]))
        position = end + len(closing)
        out.append(text[start.start() : position])
    out.append(plain(text[position:]))
    return "".join(out)
