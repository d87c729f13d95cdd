"""Secrets in what a peer sends: a camera's password is of no use to a catalogue, and is not kept (regulation A7)."""

from __future__ import annotations

import re

MASK = "***"

_HINT = re.compile(r"passw|passphrase|pwd", re.IGNORECASE)
_NAME = r"[\w.-]*(?:passw|passphrase|pwd)[\w.-]*"
_ELEMENT = re.compile(
    rf"(<(?:[\w.-]+:)?({_NAME})(?:\s[^<>]*)?(?<!/)>)"
    r"(?:<!\[CDATA\[.*?(?:\]\]>|\Z)|.)*?"
    r"(</(?:[\w.-]+:)?\2\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(rf"(\s(?:[\w.-]+:)?{_NAME}\s*=\s*)(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether an element or attribute of that name holds a password."""
    return _HINT.search(name) is not None


def concealed(xml: str) -> str:
    """The text with the content of every element and attribute that holds a password masked.

    A text that breaks off inside such an element is masked to its end.
    """
    if _HINT.search(xml) is None:
        return xml
    xml = _ELEMENT.sub(rf"\1{MASK}\3", xml)
    return _ATTRIBUTE.sub(rf'\1"{MASK}"', xml)
