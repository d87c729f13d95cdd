"""No metric is declared and never fed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
DECLARED = sorted(name for name, value in vars(Metrics()).items() if isinstance(value, MetricWrapperBase))


def used() -> set[str]:
    """Names of attributes that are read anywhere in the program but where the metrics are declared."""
    found = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
    return found


@pytest.mark.parametrize("name", DECLARED)
def test_metric_is_fed(name: str) -> None:
    assert name in used()


def test_there_are_metrics() -> None:
    assert len(DECLARED) > 10
