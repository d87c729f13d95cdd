"""No picture without a grant, and one place makes grants: what mypy proves of the flow holds for who starts it, too."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from gateway.app import Node
from gateway.compliance.grant import Grant
from gateway.onvif.ptz_commands import OnvifCommands
from gateway.onvif.snapshot import Snapshots
from gateway.relay.hub import Hub
from gateway.relay.inputs import Inputs
from gateway.relay.views import View, Views
from gateway.signalling.control import Controls
from gateway.signalling.upper_call import UpperCall
from gateway.signalling.upper_leg import UpperLeg
from gateway.signalling.upper_request import UpperRequest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "sip", "media", "catalog", "interop")
GRANTING = "gateway/compliance/grant.py"
TAKE_A_GRANT: list[Callable[..., Any]] = [
    Hub.attach, Inputs.join, Inputs.adopt, Views.open, Views.snapshot, View.__init__, UpperRequest.__init__,
    UpperCall.__init__, UpperCall.restored, UpperLeg.__init__, Controls.ptz, Node.snapshot,
    OnvifCommands.ptz, Snapshots.take,
]  # fmt: skip
"""Everything through which a picture leaves a stream, or a camera is moved."""
COMMANDS = {
    "OpenSink": {"gateway/relay/inputs.py", "gateway/signalling/upper_leg.py"},
    "StartSink": {"gateway/relay/inputs.py", "gateway/signalling/upper_leg.py"},
    "OpenInput": {"gateway/relay/inputs.py"},
    "OpenView": {"gateway/relay/views.py"},
    "Snapshot": {"gateway/relay/views.py"},
    "PtzControl": {"gateway/signalling/control.py"},
    "OnvifCommands": {"gateway/assembly/onvif.py"},
}
"""What tells a worker to let a picture out, or a camera to move, and the modules that hold the grant for it."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def called(tree: ast.Module) -> Iterator[str]:
    """Names of what a module calls, under the names it imported them by."""
    aliases = {
        name.asname: name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.asname
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield aliases.get(name, name)


def names(tree: ast.Module) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}


def test_exactly_one_place_constructs_a_grant() -> None:
    assert [path for path, tree in modules() for name in called(tree) if name == "Grant"] == [GRANTING]


def test_nobody_else_knows_the_seal_or_gets_round_the_constructor() -> None:
    assert [path for path, tree in modules() if "_SEAL" in names(tree)] == [GRANTING]
    for path, tree in modules():
        uses = names(tree)
        assert "Grant" not in uses or not uses & {"__new__", "__setstate__", "cast", "pickle"}, path


@pytest.mark.parametrize("gives", TAKE_A_GRANT, ids=lambda gives: gives.__qualname__)
def test_what_gives_a_picture_takes_a_grant(gives: Callable[..., Any]) -> None:
    hints = get_type_hints(inspect.unwrap(gives), vars(inspect.getmodule(gives)))
    assert hints.get("grant") is Grant
    parameter = inspect.signature(gives).parameters["grant"]
    assert parameter.default is inspect.Parameter.empty


@pytest.mark.parametrize("command", COMMANDS)
def test_pictures_are_let_out_by_those_who_hold_the_grant(command: str) -> None:
    places = {path for path, tree in modules() if path.startswith("gateway/") and command in called(tree)}
    assert places == COMMANDS[command]
