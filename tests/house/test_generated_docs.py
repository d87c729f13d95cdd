"""The generated pages of docs/ are what their declarations say today: `make docs` writes them."""

from __future__ import annotations

import re

import pytest

from tools.generate_docs import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text("utf-8")
    assert committed == PAGES[name](), f"docs/{name} is out of date: run `make docs`"


@pytest.mark.parametrize("name", PAGES)
def test_links_inside_a_generated_page_lead_somewhere(name: str) -> None:
    text = (ROOT / "docs" / name).read_text("utf-8")
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()) for line in text.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(#([^)]+)\)", text):
        assert target in {heading.replace(" ", "-") for heading in headings}, target
