"""Text repairs of broken documents."""

from __future__ import annotations

from dataclasses import fields

import pytest

from sip.manscdp.repair import (
    LENIENT,
    STRICT,
    Repair,
    close_items,
    close_open_elements,
    cut_after_root,
    escape_markup,
    quote_attributes,
    without_control_characters,
)

KNOWN = frozenset({"name", "item"})


def test_lenient_has_every_tolerance_and_strict_has_none() -> None:
    assert all(getattr(LENIENT, f.name) for f in fields(Repair))
    assert not any(getattr(STRICT, f.name) for f in fields(Repair))


def test_control_characters_are_dropped_and_line_ends_kept() -> None:
    assert without_control_characters("a\x00\x08b\r\n\tc\x1f") == "ab\r\n\tc"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<Name>A&B</Name>", "<Name>A&amp;B</Name>"),
        ("<Name>A&amp;B&#39;&#x4E1C;</Name>", "<Name>A&amp;B&#39;&#x4E1C;</Name>"),
        ("<Name>A&nbsp;B</Name>", "<Name>A&amp;nbsp;B</Name>"),
        ("<Name>1<2</Name>", "<Name>1&lt;2</Name>"),
        ("<Name>A<B</Name>", "<Name>A&lt;B</Name>"),
        ("<Name>A<B>C</Name>", "<Name>A&lt;B>C</Name>"),
        ("<Name>A<x>C</x></Name>", "<Name>A<x>C</x></Name>"),
        ("<NAME>A<br/></NAME>", "<NAME>A<br/></NAME>"),
        ("<Name><![CDATA[A&B<C]]>&</Name>", "<Name><![CDATA[A&B<C]]>&amp;</Name>"),
        ("<Name>a<!-- & --></Name>", "<Name>a<!-- & --></Name>"),
        ("<Name>a<!-- & </Name>", "<Name>a&lt;!-- &amp; </Name>"),
    ],
)
def test_bare_markup_becomes_text(text: str, escaped: str) -> None:
    assert escape_markup(text, KNOWN) == escaped


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("<DeviceList Num=2>", '<DeviceList Num="2">'),
        ('<DeviceList Num="2">', '<DeviceList Num="2">'),
        ("<a b=1 c='2' d=x/>", '<a b="1" c=\'2\' d="x"/>'),
        ("<Name>a=1 b=2</Name>", "<Name>a=1 b=2</Name>"),
    ],
)
def test_attribute_values_get_their_quotes(text: str, quoted: str) -> None:
    assert quote_attributes(text) == quoted


def test_what_follows_the_root_is_cut() -> None:
    assert cut_after_root("<a><b/></a >\x00junk</a>", "a") == "<a><b/></a >"
    assert cut_after_root("<a>", "a") == "<a>"


def test_items_are_rebuilt_from_their_beginnings() -> None:
    broken = "<R><N>1</N><L><Item><D>1</D><Item><D>2</D></Item></Item><Item><D>3</D></L></R>"
    assert close_items(broken, "R") == (
        "<R><N>1</N><L><Item><D>1</D></Item><Item><D>2</D></Item><Item><D>3</D></Item></L></R>", 3, True
    )  # fmt: skip


def test_the_last_item_of_a_document_cut_off_is_left_out() -> None:
    assert close_items("<R><L><Item><D>1</D></Item><Item><D>2</D><E", "R") == (
        "<R><L><Item><D>1</D></Item></L></R>",
        2,
        False,
    )
    assert close_items("<R><Item><D>1</D></Item><Item><D>2</D>", "R") == ("<R><Item><D>1</D></Item></R>", 2, False)


def test_without_any_item_there_is_nothing_to_rebuild() -> None:
    assert close_items("<R><L>", "R") is None


def test_open_elements_are_closed_after_the_last_whole_one() -> None:
    assert close_open_elements("<N><A>1</A><I><D>2</D><D>34") == "<N><A>1</A><I><D>2</D></I></N>"
    assert close_open_elements("<N><A") == ""
    assert close_open_elements("<N><a/><b><c></b><d>") == "<N><a/><b><c></b></N>"


def test_a_tower_of_open_elements_is_not_closed() -> None:
    closed = close_open_elements("<x>" * 500 + "<a/>")
    assert closed.count("</x>") < 100
