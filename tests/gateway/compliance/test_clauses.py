from __future__ import annotations

import ast
from pathlib import Path

import gateway
from gateway.compliance.clauses import CLAUSES


def test_every_clause_names_its_article_in_two_languages() -> None:
    for name, clause in CLAUSES.items():
        assert clause.id == name and clause.article and clause.en and clause.zh


def test_every_clause_named_by_a_decision_exists() -> None:
    source = Path(gateway.__file__).parent / "compliance" / "access.py"
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    named = {
        arg.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("Permit", "Denial")
        for arg in ast.walk(call.args[0])
        if isinstance(arg, ast.Constant) and arg.value not in (None,)
    }
    assert named and named <= CLAUSES.keys()
