"""The page on networks says what the tests of the namespaces prove: one table, written once."""

from __future__ import annotations

import tomllib
from pathlib import Path

from gateway import config
from tests.stand.places import LEGS, PLACES, table

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "networks.md").read_text("utf-8")


def test_the_table_of_the_page_is_that_of_the_tests() -> None:
    assert table() in PAGE


def test_every_combination_works_everywhere_but_behind_a_nat_that_forwards_no_media() -> None:
    for place in PLACES.values():
        assert len(place.legs("fails")) == (0 if place.upper_media_forwarded else 6)
        assert sorted(place.legs("works", "turned", "fails")) == sorted(LEGS)


def test_the_examples_of_the_page_are_configurations_without_mistake(tmp_path: Path) -> None:
    examples = PAGE.split("```toml\n")[1:]
    assert len(examples) >= 3
    for number, example in enumerate(examples):
        text = example.partition("```")[0]
        path = tmp_path / f"{number}.toml"
        path.write_text(text, "utf-8")
        assert tomllib.loads(text)["zones"] and config.check(path, {}) == [], text


def test_both_readmes_lead_to_the_page() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        assert "(docs/networks.md)" in (ROOT / name).read_text("utf-8")
