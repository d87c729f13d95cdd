"""Every milestone that the sources enter into a ladder has words in both languages."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.telemetry.milestones import MILESTONES_ZH

GATEWAY = Path(__file__).parents[3] / "gateway"
CHINESE = re.compile("[\u4e00-\u9fff]")
PASSED_ON = "what"
"""The parameter by which a milestone is passed on: whoever gives it is found by itself."""


def is_step(called: ast.expr) -> bool:
    """Whether it is `ladder.step`, or `step`, which those files that enter several steps call it."""
    if isinstance(called, ast.Name):
        return called.id == "step"
    return isinstance(called, ast.Attribute) and called.attr == "step" and is_ladder(ast.unparse(called.value))


def is_ladder(text: str) -> bool:
    """Whether it is a ladder, by its name; within the ladder's own file it is `self`."""
    return text == "self" or text.endswith("ladder")


def entered(path: Path) -> Iterator[tuple[ast.expr, str]]:
    """What a file enters: the expression, and the text it stands for."""
    text = path.read_text("utf-8")
    if "ladder.step" not in text and path.name != "ladder.py":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and is_step(node.func):
            said = next(
                (one for one in node.args if isinstance(one, ast.Constant)), node.args[min(1, len(node.args) - 1)]
            )
            if not (isinstance(said, ast.Name) and said.id == PASSED_ON):
                yield said, text_of(said, path)


def text_of(said: ast.expr, path: Path) -> str:
    """The text of a literal, or of a constant by its name; "" where it is put together."""
    if isinstance(said, ast.Constant):
        return str(said.value)
    if isinstance(said, ast.Name):
        module: Any = importlib.import_module(".".join(("gateway", *path.relative_to(GATEWAY).with_suffix("").parts)))
        return str(getattr(module, said.id))
    return ""


def test_every_milestone_of_the_sources_is_in_the_table_and_nothing_else() -> None:
    found = [(path.name, *one) for path in sorted(GATEWAY.rglob("*.py")) for one in entered(path)]
    assert {text for _, _, text in found if text} == set(MILESTONES_ZH)
    assert [name for name, _, text in found if not text] == ["ladder.py"], "only SIP messages are put together"
    assert len(found) > len(MILESTONES_ZH)


def test_the_words_are_chinese_and_no_two_milestones_share_them() -> None:
    assert all(CHINESE.search(words) and not CHINESE.search(name) for name, words in MILESTONES_ZH.items())
    assert len(set(MILESTONES_ZH.values())) == len(MILESTONES_ZH)
