"""The OpenAPI 3.1 description, made from the declared routes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter

from gateway.web.route import Route

_REF = "#/components/schemas/{model}"
_ERROR = {
    "type": "object",
    "required": ["error", "step", "message", "message_zh", "hint"],
    "properties": {
        "error": {"type": "string", "description": "Stable name of the error"},
        "step": {"type": "string", "description": "The step that failed, when an operation failed"},
        "message": {"type": "string"},
        "message_zh": {"type": "string"},
        "hint": {"type": "string", "description": "What to look at"},
    },
}


def describe(routes: Iterable[Route], *, title: str, version: str) -> dict[str, Any]:
    """The document for ``routes``."""
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    named = re.findall(r"\{(\w+)\}", path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in named]
    if route.query is not None:
        parameters += _query_parameters(route.query, schemas)
    success: dict[str, Any] = {"description": "Success"}
    if route.reply is not None:
        success["content"] = {"application/json": {"schema": _schema(route.reply, schemas, "serialization")}}
    error = {
        "description": "Error",
        "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
    }
    operation: dict[str, Any] = {
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters,
        "responses": {str(route.status): success, "default": error},
        "security": [] if route.access == "public" else [{"bearer": []}],
        "x-least-role": route.access,
    }
    if route.body is not None:
        schema = _schema(route.body, schemas, "validation")
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _query_parameters(model: type[BaseModel], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    document = model.model_json_schema(ref_template=_REF)
    schemas.update(document.pop("$defs", {}))
    required = document.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in document.get("properties", {}).items()
    ]


def _schema(kind: Any, schemas: dict[str, Any], mode: Any) -> dict[str, Any]:
    document = TypeAdapter(kind).json_schema(ref_template=_REF, mode=mode)
    schemas.update(document.pop("$defs", {}))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        schemas[kind.__name__] = document
        return {"$ref": _REF.format(model=kind.__name__)}
    return document
