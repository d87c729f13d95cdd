from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from gateway.config_key import (
    ConfigError,
    address,
    between,
    digits,
    each_address,
    each_of,
    each_target,
    from_text,
    from_toml,
    key,
    one_of,
)
from gateway.secrets import Secret


@dataclass(frozen=True)
class Section:
    port: int = key(1, "A port.", between(0, 10))
    name: str = key("", "A name.")


PORT, NAME = fields(Section)


@pytest.mark.parametrize(
    ("check", "good", "bad", "words"),
    [
        (between(1, 10), 10, 11, "between 1 and 10"),
        (between(0.5, 1), 0.5, 0.4, "between 0.5 and 1"),
        (one_of("a", "b"), "b", "c", "one of a, b"),
        (each_of("a", "b"), ("a", "b"), ("a", "x"), "'x' is not one of a, b"),
        (digits(3), "123", "12x", "3 decimal digits"),
        (digits(3), "000", "", "3 decimal digits"),
        (digits(3), "123", "１２３", "3 decimal digits"),
        (digits(3, optional=True), "", "12", "3 decimal digits"),
        (address, "::1", "localhost", "IP address"),
        (address, "", "1.2.3", "IP address"),
    ],
)
def test_a_check_lets_the_good_pass_and_says_what_is_wrong(check: Any, good: Any, bad: Any, words: str) -> None:
    assert check(good) is None
    assert words in check(bad)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Yes", bool, True),
        ("0", bool, False),
        ("7", int, 7),
        ("7", float, 7.0),
        ("a, b,", tuple[str, ...], ["a", "b"]),
        ("x", str, "x"),
        ("/tmp", Path, "/tmp"),
    ],
)
def test_a_text_becomes_what_toml_would_have_given(text: str, kind: Any, value: Any) -> None:
    assert from_text(text, kind) == value


@pytest.mark.parametrize(("text", "kind"), [("perhaps", bool), ("7.5", int), ("x", float)])
def test_a_text_of_another_kind_is_refused(text: str, kind: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        from_text(text, kind)


@pytest.mark.parametrize(
    ("raw", "kind", "value"),
    [
        (3, float, 3.0),
        (["a"], tuple[str, ...], ("a",)),
        ("/tmp", Path, Path("/tmp")),
        ("s", Secret, Secret("s")),
        (True, bool, True),
        (3, int, 3),
    ],
)
def test_a_toml_value_becomes_the_keys_type(raw: Any, kind: Any, value: Any) -> None:
    found = from_toml(raw, kind, NAME)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (True, int, "whole number"),
        (True, float, "a number"),
        (1, bool, "true or false"),
        (1, str, "a text"),
        (1, Path, "a path"),
        (1, Secret, "a text"),
        ([1], tuple[str, ...], "list of texts"),
        ("a", tuple[str, ...], "list of texts"),
    ],
)
def test_a_toml_value_of_another_type_is_refused(raw: Any, kind: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_toml(raw, kind, NAME)


def test_the_check_of_the_key_is_applied() -> None:
    assert from_toml(10, int, PORT) == 10
    with pytest.raises(ValueError, match="between 0 and 10"):
        from_toml(11, int, PORT)


def test_a_mistake_says_file_line_and_key() -> None:
    assert str(ConfigError("a.toml", 3, "sip.port", "is odd")) == "a.toml:3: sip.port: is odd"
    assert str(ConfigError("a.toml", None, "", "is gone")) == "a.toml: is gone"


def test_a_list_of_addresses_names_the_one_that_is_none() -> None:
    assert each_address(()) is None and each_address(("192.0.2.1", "2001:db8::1")) is None
    assert each_address(("192.0.2.1", "router")) == "'router' is not an IP address"
    assert each_address(("",)) == "'' is not an IP address"


def test_a_list_of_targets_names_the_one_that_is_none() -> None:
    assert each_target(()) is None and each_target(("239.255.255.250:3702", "127.0.0.1:1")) is None
    for wrong in ("239.255.255.250", "camera:3702", "192.0.2.1:0", "192.0.2.1:x", "::1:3702", ""):
        assert each_target((wrong,)) == f"{wrong!r} is not address:port"
