"""Every error of the API as one JSON shape: ``{error, step, message, message_zh, hint}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from gateway.errors import TABLE, AlreadyExists, Failure, InUse, NotFound, Reason, StoreError
from gateway.web.field_words import FieldProblem, problems
from gateway.web.reply import json_response


class ApiError(Exception):
    """An error of the API itself (not of an operation): ``status`` is the HTTP status, ``error`` its stable name."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        message_zh: str,
        *,
        hint: str = "",
        headers: dict[str, str] | None = None,
        fields: Sequence[FieldProblem] = (),
    ) -> None:
        self.status, self.error, self.message, self.message_zh, self.hint = status, error, message, message_zh, hint
        self.headers = headers or {}
        self.fields = fields
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        body = error_body(self.error, self.message, self.message_zh, hint=self.hint)
        return body | {"fields": [one._asdict() for one in self.fields]} if self.fields else body


def wrong_field(field: str, problem: str, problem_zh: str, *, hint: str = "") -> ApiError:
    """400: the body can be read, but this field of it cannot be so."""
    found = FieldProblem(field, problem, problem_zh)
    return ApiError(400, "invalid", f"{field}: {problem}", f"{field}：{problem_zh}。", hint=hint, fields=(found,))


def error_body(error: str, message: str, message_zh: str, *, step: str = "", hint: str = "") -> dict[str, Any]:
    """The one shape of an error body."""
    return {"error": error, "step": step, "message": message, "message_zh": message_zh, "hint": hint}


_STORE_ERRORS: tuple[tuple[type[StoreError], int, str, str], ...] = (
    (NotFound, 404, "not_found", "记录不存在。"),
    (AlreadyExists, 409, "already_exists", "记录已存在。"),
    (InUse, 409, "in_use", "记录被引用，或引用的记录不存在。"),
)

_STATUS_WORDS = {
    400: ("bad_request", "请求格式错误。"),
    401: ("unauthenticated", "未登录。"),
    403: ("forbidden", "没有权限。"),
    404: ("not_found", "没有该接口。"),
    405: ("method_not_allowed", "不支持的请求方法。"),
    408: ("too_slow", "请求体接收超时。"),
    413: ("too_large", "请求体过大。"),
    415: ("unsupported_media_type", "不支持的内容类型。"),
}


def error_response(error: Exception) -> web.Response | None:
    """The response for an expected ``error``; None for one that is this program's fault."""
    if isinstance(error, ApiError):
        return json_response(error.body(), status=error.status, headers=error.headers)
    if isinstance(error, Failure):
        return json_response(error.to_json(), status=error.http_status)
    if isinstance(error, ValidationError):
        return json_response(_validation_body(error), status=400)
    for kind, status, name, words in _STORE_ERRORS:
        if isinstance(error, kind):
            body = error_body(name, str(error), words) | {"record": error.record}
            return json_response(body, status=status)
    if isinstance(error, web.HTTPException) and error.status >= 400:
        name, words = _STATUS_WORDS.get(error.status, ("http_error", "请求无法处理。"))
        allow = {key: value for key, value in error.headers.items() if key == "Allow"}
        return json_response(error_body(name, error.reason, words), status=error.status, headers=allow)
    return None


def internal_response() -> web.Response:
    """The response when this program is at fault; what happened is in the log only."""
    return json_response(Failure(Reason.INTERNAL).to_json(), status=TABLE[Reason.INTERNAL].http_status)


def _validation_body(error: ValidationError) -> dict[str, Any]:
    """Names the fields; never repeats the values given, which may be secrets."""
    found = problems(error)
    listed = "; ".join(f"{one.field or 'body'}: {one.problem}" for one in found)
    listed_zh = "；".join(f"{one.field}：{one.problem_zh}" if one.field else one.problem_zh for one in found)
    fields = [one._asdict() for one in found]
    return error_body("invalid", listed, f"{listed_zh}。") | {"fields": fields}
