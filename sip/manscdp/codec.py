"""The MANSCDP codec (监控报警联网系统控制描述协议, GB/T 28181-2016/2022 Annex A): bytes to declared objects and back.

The only place that knows the envelope: root element = command class, then the command type, SN, DeviceID.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lxml import etree

from sip.manscdp import charset as charsets
from sip.manscdp import repair as repairs
from sip.manscdp.charset import Charset, Decoded
from sip.manscdp.declaration import (
    REGISTRY,
    Command,
    Edition,
    Entry,
    Kind,
    entry_of,
    structure,
)
from sip.manscdp.errors import ManscdpError, UnwritableError
from sip.manscdp.plan import plan_of
from sip.manscdp.reader import Node, Reader
from sip.manscdp.repair import LENIENT, Limits, Repair
from sip.manscdp.writer import elements, escape

_COMMAND_TYPE = "CmdType"
_MAX_COMMAND_TYPE = 64
_DECLARATION = re.compile(r"<\?xml[^>]{0,300}\?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]{0,63})")
_ROOTS = {str(kind).lower(): kind for kind in Kind}
_SWAPPED = {Kind.NOTIFY: Kind.RESPONSE, Kind.RESPONSE: Kind.NOTIFY}
_DEFAULT_LIMITS = Limits()
_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


@structure
class Unknown(Command):
    """A well-formed command of a type, or with a sub-command, that is not declared; its elements are in `extra`."""

    kind: Kind = Kind.NOTIFY
    cmd_type: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body understood.

    kind, cmd_type: of the declared command (the sender's own root may have been swapped).
    charset: what the body was decoded as; charset_proven: fit to be remembered as the peer's hint.
    replaced: undecodable bytes. repaired: the tolerances used, by name. set_aside: what was left out, each with its
    path. incomplete: items were lost, so that nothing may be concluded from what is absent.
    """

    message: Command
    kind: Kind
    cmd_type: str
    charset: Charset
    charset_proven: bool = False
    declared: str = ""
    replaced: int = 0
    repaired: tuple[str, ...] = ()
    set_aside: tuple[ManscdpError, ...] = ()
    incomplete: bool = False


@dataclass(slots=True)
class _Document:
    """A parsed tree, its source text and what it took to get there."""

    root: Node
    text: str
    used: list[str] = field(default_factory=list)
    incomplete: bool = False


def loads(
    body: bytes, *, hint: Charset | None = None, repair: Repair = LENIENT, limits: Limits = _DEFAULT_LIMITS
) -> Parsed:
    """Understands one body; raises ManscdpError, and nothing else, when that cannot be done.

    hint: the charset this peer's earlier bodies proved to be in (see `charset.remembered`).
    """
    if len(body) > limits.body_bytes:
        raise ManscdpError("body", f"{len(body)} bytes are more than {limits.body_bytes}", status=413)
    decoded = charsets.decode(body, hint)
    document = _document(decoded.text, repair, limits)
    reader = Reader(repair, limits, document.text)
    entry, message = _understand(document.root, reader)
    repaired = tuple(dict.fromkeys((*document.used, *reader.used)))
    return _parsed(entry, message, decoded, repaired, reader, document.incomplete)


def _parsed(
    entry: Entry | None, message: Command, decoded: Decoded, repaired: tuple[str, ...], reader: Reader, incomplete: bool
) -> Parsed:
    if isinstance(message, Unknown):
        kind, cmd_type = message.kind, message.cmd_type
    else:
        assert entry is not None
        kind, cmd_type = entry.kind, entry.cmd_type
    return Parsed(
        message,
        kind,
        cmd_type,
        decoded.charset,
        decoded.proven,
        decoded.declared,
        decoded.replaced,
        repaired,
        tuple(reader.set_aside),
        incomplete or "bad_items" in reader.used,
    )


def dumps(message: Command, *, charset: str = Charset.GB2312, edition: Edition = Edition.V2016) -> bytes:
    """The body of a command for a peer of `edition`, declared and encoded as `charset`; CRLF after every line."""
    label = Charset(charset)
    if isinstance(message, Unknown):
        kind, cmd_type = message.kind, message.cmd_type
    else:
        entry = entry_of(type(message))
        if entry is None:
            raise UnwritableError(type(message).__name__, "not a declared command", message)
        kind, cmd_type = entry.kind, entry.cmd_type
    lines = [
        f'<?xml version="1.0" encoding="{label.value}"?>',
        f"<{kind.value}>",
        f"<{_COMMAND_TYPE}>{escape(cmd_type)}</{_COMMAND_TYPE}>",
        *elements(message, edition),
        f"</{kind.value}>",
        "",
    ]
    return charsets.encode("\r\n".join(lines), label)


@cache
def known_names() -> frozenset[str]:
    """Lower-case names of all declared elements, of the roots and of the command type."""
    names = {_COMMAND_TYPE.lower(), *_ROOTS}
    for entries in REGISTRY.values():
        for entry in entries:
            names |= plan_of(entry.cls).folded_names
    return frozenset(names)


def _document(text: str, repair: Repair, limits: Limits) -> _Document:
    text = text.strip("\ufeff\x00 \t\r\n")
    text = _DECLARATION.sub("", text, count=1).lstrip() if text[:5].lower() == "<?xml" else text
    if "<!" in text and _DOCTYPE.search(text) is not None:
        raise ManscdpError("body", "document type and entity declarations are refused")
    if text.count("<") > limits.tags:
        raise ManscdpError("body", f"more than {limits.tags} tags", status=413)
    if "<" not in text:
        raise ManscdpError("body", "not XML", text)
    try:
        return _Document(etree.fromstring(text.encode("utf-8", "replace"), _PARSER), text)
    except etree.XMLSyntaxError as error:
        if len(text) > limits.repair_characters:
            raise ManscdpError(
                "body", f"not well-formed XML ({error.msg}) and too long to repair", status=413
            ) from None
        return _repaired(text, repair, error)


def _repaired(text: str, repair: Repair, error: etree.XMLSyntaxError) -> _Document:
    """Second attempts, from the mildest repair to the hardest, each kept for the next."""
    used: list[str] = []
    match = _ROOT.search(text)
    root = match[1] if match else ""
    steps: list[tuple[str, Callable[[str], str]]] = [
        ("control_characters", repairs.without_control_characters),
        ("text_after_root", lambda t: repairs.cut_after_root(t, root)),
        ("unquoted_attributes", repairs.quote_attributes),
        ("unescaped_markup", lambda t: repairs.escape_markup(t, known_names())),
        ("namespaces", _without_prefixes),
    ]
    for name, step in steps:
        changed = step(text) if getattr(repair, name) else text
        if changed != text:
            text = changed
            used.append(name)
            tree = _parse(text)
            if tree is not None:
                return _Document(tree, text, used)
    salvaged = _salvaged(text, root, repair, used)
    if salvaged is None:
        raise ManscdpError("body", f"not well-formed XML ({error.msg})", text)
    return salvaged


def _parse(text: str) -> Node | None:
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), _PARSER)
    except etree.XMLSyntaxError:
        return None


def _without_prefixes(text: str) -> str:
    return re.sub(r"<(/?)[A-Za-z_][\w.-]{0,63}:(?=[A-Za-z_])", r"<\1", text)


def _salvaged(text: str, root: str, repair: Repair, used: list[str]) -> _Document | None:
    """What can be kept of a document with broken items or no end. Controls and queries are whole or nothing."""
    if _ROOTS.get(root.rpartition(":")[2].lower()) not in _SWAPPED:
        return None
    rebuilt = repairs.close_items(text, root)
    if rebuilt is not None:
        document, count, whole = rebuilt
        name = "broken_items" if whole else "truncated"
        tree = _parse(document) if getattr(repair, name) else None
        if tree is not None:
            kept = sum(1 for item in tree.iter() if str(item.tag).lower() == "item")
            return _Document(tree, document, [*used, name], incomplete=not whole or kept < count)
        return None
    if not repair.truncated or re.search(rf"</{re.escape(root)}\s*>", text) is not None:
        return None
    document = repairs.close_open_elements(text)
    tree = _parse(document)
    return None if tree is None else _Document(tree, document, [*used, "truncated"], incomplete=True)


def _understand(root: Node, reader: Reader) -> tuple[Entry | None, Command]:
    """Chooses the declared class by root, command type and marker element, and reads the object."""
    kind = _kind(root, reader)
    reader.path.append(kind.value)
    cmd_type = _command_type(root, reader)
    entry = _entry(kind, cmd_type, root, reader)
    rest = [child for child in root if _local(child).lower() != _COMMAND_TYPE.lower()]
    if entry is None:
        return None, _unknown(kind, cmd_type, rest, reader)
    return entry, reader.read(rest, entry.cls)


def _kind(root: Node, reader: Reader) -> Kind:
    name = _local(root)
    kind = _ROOTS.get(name.lower())
    if kind is None or (name != kind.value and not reader.tolerates("command_spelling")):
        raise ManscdpError("/" + name[:64], "not Control, Query, Notify or Response")
    if str(root.tag) != name and not reader.tolerates("namespaces"):
        raise ManscdpError("/" + name, "in a namespace", str(root.tag))
    return kind


def _command_type(root: Node, reader: Reader) -> str:
    for child in root:
        name = _local(child)
        if name == _COMMAND_TYPE or (name.lower() == _COMMAND_TYPE.lower() and reader.tolerates("tag_case")):
            text = "".join((child.text or "").split())
            if len(text) > _MAX_COMMAND_TYPE:
                raise reader.error("too long", text, _COMMAND_TYPE)
            if text:
                return text
    raise reader.error("missing", "", _COMMAND_TYPE)


def _entry(kind: Kind, cmd_type: str, root: Node, reader: Reader) -> Entry | None:
    entries = REGISTRY.get((kind, cmd_type.lower()))
    other = _SWAPPED.get(kind)
    if other is not None and reader.repair.root_swapped:
        opposite = REGISTRY.get((other, cmd_type.lower()))
        if opposite and (not entries or _belongs(opposite[0], root)):
            reader.used["root_swapped"] = None
            entries = opposite
    if not entries:
        return None
    entry = _marked(entries, root)
    if (
        entry is not None
        and cmd_type not in (entry.cmd_type, *entry.aliases)
        and not reader.tolerates("command_spelling")
    ):
        raise reader.error("not a command type", cmd_type, _COMMAND_TYPE)
    return entry


def _belongs(opposite: Entry, root: Node) -> bool:
    """Whether an answer is really this notification: its items say what happened to them (16 9.11.4)."""
    return bool(opposite.told_by) and next(root.iter(opposite.told_by), None) is not None


def _marked(entries: list[Entry], root: Node) -> Entry | None:
    """Of the classes declared for one command type the one whose marker element is there."""
    if len(entries) == 1 and not entries[0].markers:
        return entries[0]
    by_marker = {marker.lower(): entry for entry in entries for marker in entry.markers}
    for child in root:
        entry = by_marker.get(_local(child).lower())
        if entry is not None:
            return entry
    return next((entry for entry in entries if not entry.markers), None)


def _unknown(kind: Kind, cmd_type: str, rest: list[Node], reader: Reader) -> Unknown:
    read = reader.read(rest, _Head)
    return Unknown(sn=read.sn, device_id=read.device_id, extra=read.extra, kind=kind, cmd_type=cmd_type)


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


@structure
class _Head(Command):
    """Just the head of a command."""
