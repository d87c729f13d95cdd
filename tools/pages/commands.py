"""docs/commands.md: the commands, from the declarations their `--help` is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from gateway.cli import app as gbgateway
from interop.cli import app as gbsim
from tools.pages.text import code, table

_HEAD = """# Commands

`gbgateway` runs a node and manages a running one over its HTTP API; `gbsim` plays a camera or an NVR, or a camera
that speaks RTSP only. Options before the command (`gbgateway --url …`) hold for every command. `--help` after any
command prints what this page says.
"""


def page() -> str:
    """The text of docs/commands.md."""
    lines = [_HEAD]
    for name, declared in (("gbgateway", gbgateway), ("gbsim", gbsim)):
        for words, command in _commands(name, get_command(declared)):
            lines += _section(words, command)
    return "\n".join(lines)


def declared_commands() -> set[str]:
    """Every command as it is typed, as in "gbgateway devices add"."""
    every: set[str] = set()
    apps: tuple[tuple[str, typer.Typer], ...] = (("gbgateway", gbgateway), ("gbsim", gbsim))
    for name, declared in apps:
        every |= {words for words, _ in _commands(name, get_command(declared))}
    return every


def _commands(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield words, command
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(f"{words} {name}", below)


def _section(words: str, command: Any) -> list[str]:
    level = "##" if " " not in words else "###"
    given = [one for one in command.params if one.name != "help"]
    usage = " ".join([words, *(_argument(one) for one in given if one.param_type_name == "argument")])
    lines = [f"{level} {words}", "", (command.help or "").strip(), ""]
    if not getattr(command, "commands", None):
        lines += [f"    {usage}", ""]
    options = [_option(one) for one in given if one.param_type_name == "option"]
    return lines + (table(("option", "default", "meaning"), options) if options else [])


def _argument(one: Any) -> str:
    name = one.metavar or one.name.upper()
    many = "..." if one.nargs == -1 else ""
    return f"{name}{many}" if one.required else f"[{name}]{many}"


def _option(one: Any) -> tuple[str, str, str]:
    if one.required:
        default = "asked for" if one.prompt else "required"
    else:
        default = _default(one)
    meaning = (one.help or "") + (f" Variable `{one.envvar}`." if one.envvar else "")
    return code(", ".join([*one.opts, *one.secondary_opts])), default, meaning.strip()


def _default(one: Any) -> str:
    if one.is_flag:
        return {True: "yes", False: "no"}.get(one.default, "") if one.secondary_opts else ""
    return "" if one.default in (None, "", []) else code(str(one.default))
