"""Writes the generated pages of docs/ from the declarations they describe.

`python tools/generate_docs.py` writes them; `--check` names the ones that differ from what is committed and exits 1.

* configuration.md: the keys of `gateway.config`
* api.md: the declared routes of the HTTP API
* commands.md: the commands `gbgateway` and `gbsim`
* manscdp.md: the declared commands of GB/T 28181 Annex A
* failures.md: the steps that can fail, in the words of `gateway.errors`
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from gateway import config  # noqa: E402
from tools.pages import api, commands, failures, manscdp  # noqa: E402

PAGES: Mapping[str, Callable[[], str]] = {
    "configuration.md": config.reference,
    "api.md": lambda: asyncio.run(api.page()),
    "commands.md": commands.page,
    "manscdp.md": manscdp.page,
    "failures.md": failures.page,
}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    only_compare = parser.parse_args().check
    stale = []
    for name, made in PAGES.items():
        target, text = ROOT / "docs" / name, made()
        if target.is_file() and target.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not only_compare:
            target.write_text(text, "utf-8")
        sys.stdout.write(f"docs/{name} {'is out of date' if only_compare else 'written'}\n")
    return 1 if stale and only_compare else 0


if __name__ == "__main__":
    sys.exit(main())
