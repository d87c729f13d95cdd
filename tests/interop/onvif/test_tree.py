"""Trees written as calls, and documents from the network."""

from __future__ import annotations

import pytest
from lxml import etree

from interop.onvif.tree import children, node, text, whole


def test_values_are_written_as_xml_schema_writes_them() -> None:
    assert [text(one) for one in (True, False, 3, 0.5, 1.0, "大门")] == ["true", "false", "3", "0.5", "1", "大门"]


def test_a_tree_is_what_the_call_says() -> None:
    tree = node(
        "tt:A", {"token": "1", "gone": None}, node("tt:B", 2.5), None, [node("tt:C", False)], children({"tt:D": 1})
    )
    assert etree.tostring(tree).decode() == (
        '<tt:A xmlns:tt="http://www.onvif.org/ver10/schema" token="1">'
        "<tt:B>2.5</tt:B><tt:C>false</tt:C><tt:D>1</tt:D></tt:A>"
    )


def test_children_without_a_value_are_left_out() -> None:
    assert [child.text for child in children({"tt:A": None, "tt:B": "x"})] == ["x"]


@pytest.mark.parametrize(
    "document",
    [b"", b"no xml", b"<a>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<!DOCTYPE a><a/>", b"<a>" * 5000],
)
def test_a_document_that_is_broken_or_declares_a_type_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        whole(document)
