"""What a simulator tells: one line of JSON for each event."""

from __future__ import annotations

import json
from typing import Any


def tell(event: str, facts: dict[str, Any]) -> None:
    """One line of JSON on standard output."""
    print(json.dumps({"event": event, **facts}, ensure_ascii=False), flush=True)
