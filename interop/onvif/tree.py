"""XML trees written as calls: `node("tt:Name", "Gate")`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias, Union

from lxml import etree

from interop.onvif.names import NS, qualified

Element: TypeAlias = etree._Element
Scalar: TypeAlias = str | int | float | bool
Content: TypeAlias = Union[Scalar, Element, Mapping[str, Scalar | None], "Iterable[Content]", None]


def text(value: Scalar) -> str:
    """A value as XML Schema writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)


def node(name: str, *content: Content) -> Element:
    """An element: mappings become attributes, elements children, values the text; None is left out."""
    prefix = name.partition(":")[0]
    element = etree.Element(qualified(name), nsmap={prefix: NS[prefix]})
    _fill(element, content)
    return element


def _fill(element: Element, content: Iterable[Content]) -> None:
    for part in content:
        match part:
            case None:
                pass
            case etree._Element():
                element.append(part)
            case bool() | str() | int() | float():
                element.text = text(part)
            case Mapping():
                for key, value in part.items():
                    if value is not None:
                        element.set(qualified(key), text(value))
            case _:
                _fill(element, part)


def children(names: Mapping[str, Scalar | None]) -> list[Element]:
    """One element with a text for each name whose value is not None, in order."""
    return [node(name, value) for name, value in names.items() if value is not None]


def whole(content: bytes) -> Element:
    """Parse a document from the network: no entities, no DTD, no network, no deep or huge trees.

    Raises ValueError.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not XML: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("not allowed to declare a document type")
    return root
