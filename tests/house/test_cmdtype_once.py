"""A MANSCDP command is declared once: the element names of its envelope are wire text in the codec alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT / "interop" / "wire"
CODEC = ROOT / "sip" / "manscdp"
WIRE_TEXT = re.compile(r"</?(?:CmdType|SumNum|DeviceList|PTZCmd)\b|\bCmdType\b")


def _strings(path: Path) -> list[str]:
    """String literals of a file that are not docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in bare
    ]


def test_the_envelope_is_written_and_read_by_the_codec_alone() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for package in ("gateway", "sip", "media", "catalog", "interop")
        for path in sorted((ROOT / package).rglob("*.py"))
        if not path.is_relative_to(KIT) and not path.is_relative_to(CODEC)
        for text in _strings(path)
        if WIRE_TEXT.search(text)
    ]
    assert found == []


def test_inside_the_codec_one_file_knows_the_name_of_the_command_element() -> None:
    knowing = {path.name for path in CODEC.rglob("*.py") if any("CmdType" in text for text in _strings(path))}
    assert knowing <= {"codec.py", "reader.py", "writer.py"}, knowing
