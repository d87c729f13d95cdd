"""The ordered header multimap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import LocalError
from sip.headers import COMPACT, MAX_HEADERS, Headers, header_key


def test_order_spelling_and_unknown_headers_are_kept() -> None:
    items = [("v", "1"), ("X-GB-Ver", "3.0"), ("VIA", "2"), ("From", "3")]
    assert Headers(items).items() == items


def test_lookup_takes_any_case_and_the_compact_form() -> None:
    headers = Headers([("v", "1"), ("VIA", "2"), ("Call-ID", "x")])
    assert headers.get("Via") == "1"
    assert headers.get_all("via") == ["1", "2"]
    assert headers.get("i") == "x"
    assert "I" in headers
    assert headers.count("V") == 2
    assert (headers.get("To"), headers.get_all("To"), "To" in headers) == (None, [], False)
    assert len(headers) == 3


def test_every_compact_form_finds_its_long_name() -> None:
    assert {letter: header_key(letter.upper()) for letter in COMPACT} == COMPACT


def test_the_first_is_replaced_in_its_place_and_the_others_go() -> None:
    headers = Headers([("t", "1"), ("X", "x"), ("To", "2")])
    headers.set("To", "3")
    assert headers.items() == [("t", "3"), ("X", "x")]
    assert headers.get_all("to") == ["3"]
    headers.set("Expires", "60")
    assert headers.items()[-1] == ("Expires", "60")


def test_headers_are_added_prepended_and_removed() -> None:
    headers = Headers([("Via", "2")])
    headers.prepend("Via", "1")
    headers.add("Via", "3")
    headers.add("To", "x")
    assert headers.get_all("Via") == ["1", "2", "3"]
    headers.remove("v")
    headers.remove("From")
    assert headers.items() == [("To", "x")]
    assert "Via" not in headers


def test_a_copy_is_independent() -> None:
    headers = Headers([("To", "x")])
    copied = headers.copy()
    copied.set("To", "y")
    assert headers.get("To") == "x"
    assert headers != copied
    assert headers == Headers([("To", "x")])


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb"])
def test_a_line_end_cannot_be_smuggled_into_a_value(value: str) -> None:
    headers = Headers([("To", "x")])
    for write in (headers.add, headers.set, headers.prepend):
        with pytest.raises(LocalError):
            write("To", value)
    with pytest.raises(LocalError):
        headers.add("X\r\nY", "1")
    assert headers.items() == [("To", "x")]


def test_the_number_of_headers_is_bounded() -> None:
    headers = Headers([("X", "")] * MAX_HEADERS)
    for write in (headers.add, headers.prepend):
        with pytest.raises(LocalError):
            write("X", "")
    with pytest.raises(LocalError):
        Headers([("X", "")] * (MAX_HEADERS + 1))


def test_credentials_are_not_shown() -> None:
    shown = repr(Headers([("authorization", "Digest response=secret"), ("Proxy-Authorization", "secret"), ("To", "x")]))
    assert "secret" not in shown
    assert "('To', 'x')" in shown


def test_unknown_spellings_cannot_fill_the_memory() -> None:
    for number in range(5000):
        assert header_key(f"X-{number}") == f"x-{number}"
    assert header_key("X" * 100) == "x" * 100


@given(st.lists(st.tuples(st.sampled_from(["Via", "v", "To", "t", "X-A", "x-a"]), st.text(alphabet="ab"))))
def test_the_index_agrees_with_the_list(items: list[tuple[str, str]]) -> None:
    headers = Headers()
    for number, (name, value) in enumerate(items):
        (headers.add, headers.prepend, headers.set)[number % 3](name, value)
    for name in ("via", "to", "x-a"):
        assert headers.get_all(name) == [value for spelt, value in headers.items() if header_key(spelt) == name]


def test_the_first_of_several_can_be_replaced_alone() -> None:
    headers = Headers([("v", "a"), ("To", "x"), ("Via", "b")])
    headers.replace_first("Via", "c")
    assert headers.items() == [("v", "c"), ("To", "x"), ("Via", "b")]
    assert headers.get_all("via") == ["c", "b"]
    headers.replace_first("Date", "d")
    assert headers.items()[-1] == ("Date", "d")
