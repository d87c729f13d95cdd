"""JSON replies."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset):
        return sorted(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def to_json(value: Any) -> bytes:
    """``value`` (JSON types, dataclasses, pydantic models) as UTF-8 JSON."""
    try:
        return orjson.dumps(value, default=_plain)
    except orjson.JSONEncodeError:
        # A peer's header that was no UTF-8 (surrogates), or a number beyond 64 bits: shown as well as JSON can.
        return json.dumps(value, default=_plain, ensure_ascii=False).encode("utf-8", "replace")


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response."""
    return web.Response(body=to_json(value), status=status, headers=headers, content_type="application/json")
