"""Preset numbers (预置位 1-255) and the tokens an ONVIF camera keeps its presets by. No I/O.

The camera keeps them: a number we set is the preset named GB-n. One that was made in the camera counts as number n when
its token is n, or ends in n as in "Preset_7".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_PRESETS = 1024


def name_of(number: int) -> str:
    """The name of the preset of a number."""
    return f"GB-{number}"


def token_of(number: int, answer: Any) -> str | None:
    """The token of a preset among those of a GetPresets answer; None when there is none of that number."""
    entries = answer if isinstance(answer, list) else []
    presets = [entry for entry in entries[:MAX_PRESETS] if isinstance(entry, Mapping) and entry.get("token")]
    mine = name_of(number)
    rules: tuple[Callable[[Mapping[str, Any]], bool], ...] = (
        lambda preset: preset.get("Name") == mine,
        lambda preset: preset["token"] == mine,
        lambda preset: preset["token"] == str(number) and not _is_ours(preset),
        lambda preset: _trailing(preset["token"]) == number and not _is_ours(preset),
    )
    for matches in rules:
        found = next((str(preset["token"]) for preset in presets if matches(preset)), None)
        if found is not None:
            return found
    return None


def _trailing(token: Any) -> int | None:
    digits = re.search(r"[^0-9]0*([0-9]{1,3})$", str(token))
    return int(digits[1]) if digits else None


def _is_ours(preset: Mapping[str, Any]) -> bool:
    """A token the camera chose for a preset of ours says nothing of its number."""
    return re.fullmatch(r"GB-[0-9]{1,3}", str(preset.get("Name") or "")) is not None
