"""What the texts tell a reader to type exists: make targets, commands, configuration keys, files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway import config
from gateway.errors import Reason
from tools.pages.commands import declared_commands

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
TEXTS = (*READMES, "ARCHITECTURE.md", "CONTRIBUTING.md", "THREAT_MODEL.md", "CHANGELOG.md", "NOTICE")
PAGES = [
    *(ROOT / name for name in TEXTS),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "deploy" / "README.md",
    *(ROOT / package / "README.md" for package in ("gateway", "sip", "media", "catalog", "interop")),
]
VARIABLE = re.compile(r"\bGBGATEWAY_([A-Z]+)__([A-Z_]+)\b")
KEY = re.compile(rf"`({'|'.join(config.SECTIONS)})\.([a-z_]+)`")
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def is_module(package: str, name: str) -> bool:
    return (ROOT / package / name).is_dir() or (ROOT / package / f"{name}.py").is_file()


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text("utf-8")) if found == language]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z0-9]+)", page.read_text("utf-8")))
    named |= {word for block in blocks(page, "sh") for word in re.findall(r"^make ([a-z0-9]+)", block, re.MULTILINE)}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    known = declared_commands()
    text = page.read_text("utf-8")
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += re.findall(r"`((?:gbgateway|gbsim)\b[^`]*)`", text)
    for line in lines:
        for program, rest in re.findall(r"(?:^|[\s(])(gbgateway|gbsim)((?: +[a-z][a-z-]*)*)", line):
            words = rest.split()
            found = [size for size in range(len(words) + 1) if " ".join([program, *words[:size]]) in known]
            assert not words or max(found) > 0, f"{line.strip()}: no such command"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configuration_keys_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    named = {(section.lower(), key.lower()) for section, key in VARIABLE.findall(text) if section != "SECTION"}
    named |= {(section, key) for section, key in KEY.findall(text) if not is_module(section, key)}
    for section, key in named:
        assert key in config.SECTIONS[section].__dataclass_fields__, f"{section}.{key}"


@pytest.mark.parametrize("name", READMES)
def test_configuration_files_shown_are_good(name: str, tmp_path: Path) -> None:
    shown = blocks(ROOT / name, "toml")
    assert shown
    for text in shown:
        tomllib.loads(text)
        file = tmp_path / "gbgateway.toml"
        file.write_text(text, "utf-8")
        assert config.check(file, {}) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_linked_to_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:gateway|sip|media|catalog|interop|tests|tools|docs)/[\w/.-]+)`", page.read_text("utf-8"))
    for target in named:
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", READMES)
def test_the_troubleshooting_table_tells_steps_that_exist(name: str) -> None:
    steps = re.findall(r"^\| `([a-z_]+)` \|", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert len(steps) > 10 and set(steps) <= {reason.value for reason in Reason}


def test_both_languages_show_the_same_commands_and_files() -> None:
    english, chinese = (
        [re.sub(r"#.*", "", block).split() for language in ("sh", "toml") for block in blocks(ROOT / name, language)]
        for name in READMES
    )
    assert english == chinese
