"""``key=value`` arguments of the command line as fields of a record, by the types the API declares."""

from __future__ import annotations

import json
from collections.abc import Iterable
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from gateway.errors import GatewayError
from gateway.web.api_devices import DeviceChange
from gateway.web.api_rules import RuleChange
from gateway.web.api_uppers import UpperChange
from gateway.web.api_users import UserChange

BODIES: dict[str, type[BaseModel]] = {
    "device": DeviceChange,
    "upper": UpperChange,
    "rule": RuleChange,
    "user": UserChange,
}


class FieldError(GatewayError):
    """An argument is not a field of the record, or not of its type."""


def fields_of(noun: str, given: Iterable[str]) -> dict[str, Any]:
    """The JSON fields of ``key=value`` arguments for a ``noun`` ("device" …)."""
    body = BODIES[noun]
    fields: dict[str, Any] = {}
    for argument in given:
        name, separator, text = argument.partition("=")
        if not separator:
            raise FieldError(f"{argument}: write KEY=VALUE")
        if name not in body.model_fields:
            raise FieldError(f"{name}: a {noun} has {', '.join(sorted(body.model_fields))}")
        fields[name] = _value(name, text, body.model_fields[name].annotation)
    return fields


def _value(name: str, text: str, kind: Any) -> Any:
    if NoneType in get_args(kind) and text in ("", "null"):
        return None
    try:
        if get_origin(kind) is tuple:
            return (
                json.loads(text) if text.startswith("[") else [part.strip() for part in text.split(",") if part.strip()]
            )
        if get_origin(kind) is dict:
            return json.loads(text)
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        return int(text) if kind is int or int in get_args(kind) else text
    except (ValueError, KeyError):
        raise FieldError(f"{name}: {text!r} is not of its type") from None
