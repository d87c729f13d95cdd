"""Tokens, quoted strings, comma lists, parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.grammar import format_params, is_token, parse_params, quote, split_list, unquote, whole_number


def test_a_token_holds_what_rfc_3261_lists_and_no_blank() -> None:
    assert is_token("!interesting-Method0123456789_*+`.%indeed'~")
    assert not is_token("two words")
    assert not is_token("")


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        (";tag=abc", {"tag": "abc"}),
        (";rport;branch=z9hG4bK1", {"rport": None, "branch": "z9hG4bK1"}),
        (" ; Tag = abc ; q = 0.33 ", {"tag": "abc", "q": "0.33"}),
        (';d="a;b,\\"c"', {"d": '"a;b,\\"c"'}),
        (";tag=a;tag=b", {"tag": "a"}),
        (";received=[2001:db8::1]", {"received": "[2001:db8::1]"}),
        (";name=东门", {"name": "东门"}),
    ],
)
def test_parameters_are_read_with_blanks_and_quotes(text: str, params: dict[str, str | None]) -> None:
    assert dict(parse_params(text, "Via")) == params


@pytest.mark.parametrize("text", [";", ";;", ";a;;b", ";a=", ';a="open', "a=b", ";a=b c"])
def test_malformed_parameters_are_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_params(text, "Via")
    assert (caught.value.where, caught.value.what) == ("Via", "malformed parameter")


def test_parameters_are_written_in_order() -> None:
    assert format_params({"rport": None, "branch": "z9hG4bK1"}) == ";rport;branch=z9hG4bK1"
    assert format_params({}) == ""


def test_a_list_is_cut_outside_quotes_and_brackets() -> None:
    text = '"Bell, \\"A\\"" <sip:a,b@example.com>;q=1 , <sip:c@example.com> '
    assert split_list(text, "Contact") == ['"Bell, \\"A\\"" <sip:a,b@example.com>;q=1', "<sip:c@example.com>"]
    assert split_list(" one ", "Contact") == ["one"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,,b", "empty element in the list"),
        ("", "empty element in the list"),
        ('"open, b', "unterminated quoted string"),
        ("<open, b", "'<' without '>'"),
    ],
)
def test_a_broken_list_is_refused(text: str, what: str) -> None:
    with pytest.raises(ParseError, match=what):
        split_list(text, "Contact")


def test_quotes_are_undone_only_where_they_are() -> None:
    assert unquote('"J \\\\\\""') == 'J \\"'
    assert unquote("plain") == "plain"
    assert unquote('"') == '"'


@given(st.text())
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquote(quote(text)) == text


def test_numbers_may_have_leading_zeros_and_a_limit() -> None:
    assert whole_number(" 0068 ", "Max-Forwards", 255) == 68
    assert whole_number("0" * 5000 + "7", "CSeq", 10) == 7
    assert whole_number("0", "CSeq", 10) == 0


@pytest.mark.parametrize("text", ["", "-1", "+1", "1 2", "０", "1e3", "256", "9" * 5000])
def test_what_is_no_number_in_range_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        whole_number(text, "Max-Forwards", 255)


@given(st.text(alphabet=';=",<>\\ab \t'))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (lambda: parse_params(text, "Via"), lambda: split_list(text, "Via")):
        try:
            read()
        except ParseError:
            continue
