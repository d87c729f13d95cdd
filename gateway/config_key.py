"""One configuration key: its declaration, the rules a value can be held to, and values from TOML or text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from gateway.secrets import Secret


class ConfigError(GatewayError):
    """A mistake in the configuration: ``source`` (file or variable), ``line`` (1-based, or None) and ``key``."""

    def __init__(self, source: str, line: int | None, key: str, problem: str) -> None:
        self.source, self.line, self.key, self.problem = source, line, key, problem
        place = source if line is None else f"{source}:{line}"
        super().__init__(f"{place}: {key}: {problem}" if key else f"{place}: {problem}")


Check = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""


def between(low: float, high: float) -> Check:
    return lambda value: None if low <= value <= high else f"must be between {low:g} and {high:g}"


def one_of(*allowed: str) -> Check:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}"


def each_of(*allowed: str) -> Check:
    def check(value: tuple[str, ...]) -> str | None:
        wrong = [item for item in value if item not in allowed]
        return f"{wrong[0]!r} is not one of {', '.join(allowed)}" if wrong else None

    return check


def digits(count: int, *, optional: bool = False) -> Check:
    def check(value: str) -> str | None:
        right = (optional and not value) or (len(value) == count and value.isascii() and value.isdigit())
        return None if right else f"must be {count} decimal digits"

    return check


def address(value: str) -> str | None:
    """An IP address, or empty."""
    if value:
        try:
            ip_address(value)
        except ValueError:
            return "must be an IP address"
    return None


def each_address(value: tuple[str, ...]) -> str | None:
    """IP addresses."""
    wrong = [item for item in value if not item or address(item) is not None]
    return f"{wrong[0]!r} is not an IP address" if wrong else None


def each_target(value: tuple[str, ...]) -> str | None:
    """IPv4 addresses with ports."""
    for item in value:
        host, _, port = item.rpartition(":")
        if address(host) is not None or ":" in host or not host or not (port.isdigit() and 0 < int(port) < 65536):
            return f"{item!r} is not address:port"
    return None


def key(default: Any, doc: str, check: Check | None = None) -> Any:
    """One configuration key: its default, its line of documentation and what else must hold of its value."""
    return field(default=default, metadata={"doc": doc, "check": check})


def from_text(text: str, kind: Any) -> Any:
    """A value of the environment as TOML would have given it."""
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if text.lower() not in words:
            raise ValueError("must be true or false")
        return words[text.lower()]
    if kind in (int, float):
        try:
            return int(text) if kind is int else float(text)
        except ValueError:
            raise ValueError(f"must be {_kind_words(kind)}") from None
    if kind == tuple[str, ...]:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def from_toml(raw: Any, kind: Any, item: Field[Any]) -> Any:
    """The value of the key ``item`` from a TOML value; ValueError says what is wrong."""
    value: Any
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        value = float(raw)
    elif kind == tuple[str, ...] and isinstance(raw, list) and all(isinstance(part, str) for part in raw):
        value = tuple(raw)
    elif kind in (Path, Secret) and isinstance(raw, str):
        value = kind(raw)
    elif kind in (str, bool, int, float) and type(raw) is kind:
        value = raw
    else:
        raise ValueError(f"must be {_kind_words(kind)}")
    rule: Check | None = item.metadata["check"]
    problem = rule(value) if rule is not None else None
    if problem:
        raise ValueError(problem)
    return value


def _kind_words(kind: Any) -> str:
    words = {
        str: "a text",
        Secret: "a text",
        Path: "a path",
        bool: "true or false",
        int: "a whole number",
        float: "a number",
    }
    return words.get(kind, "a list of texts")
