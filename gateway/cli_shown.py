"""How the command line shows records: JSON, a table, or one field a line."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

from gateway.telemetry.log import visible


def print_json(value: Any) -> None:
    """Indented JSON, Chinese text as it is."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], as_json: bool) -> None:
    """One line per row; columns aligned by their width on the terminal."""
    if as_json:
        print_json(list(rows))
        return
    names = list(columns)
    lines = [names] + [[_cell(name, row.get(name)) for name in names] for row in rows]
    widths = [max(_width(line[place]) for line in lines) for place in range(len(names))]
    for line in lines:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def print_record(record: Mapping[str, Any], as_json: bool) -> None:
    """One field a line."""
    if as_json:
        print_json(record)
        return
    widest = max((len(name) for name in record), default=0)
    for name, value in record.items():
        typer.echo(f"{name:<{widest}}  {_cell(name, value)}".rstrip())


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the fields of records in it beside its own: ``keepalive.misses``."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        inner = value if isinstance(value, dict) else None
        found |= {name: value} if inner is None else {f"{name}.{one}": part for one, part in inner.items()}
    return found


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and (name == "at" or name.endswith(("_at", "_until", "_seen", "_contact"))):
        return datetime.fromtimestamp(value).astimezone().isoformat(" ", "seconds") if value else "-"
    if isinstance(value, dict | list):
        return visible(json.dumps(value, ensure_ascii=False)) if value else "-"
    return visible(str(value))


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
