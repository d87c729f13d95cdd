"""What is wrong with a field of a body, in English and Chinese, for the form that shows it beside the field."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

_VALUE_ERROR = "Value error, "
_INTEGER, _NUMBER, _TRUTH, _TEXT = "须为整数", "须为数字", "须为 true 或 false", "须为文本"

_ZH: Mapping[str, str] = MappingProxyType(
    {
        "missing": "必填",
        "extra_forbidden": "没有这个字段",
        "string_type": _TEXT,
        "string_too_long": "最多 {max_length} 个字符",
        "string_too_short": "至少 {min_length} 个字符",
        "string_pattern_mismatch": "格式不正确",
        "too_long": "最多 {max_length} 项",
        "greater_than_equal": "不能小于 {ge}",
        "less_than_equal": "不能大于 {le}",
        "greater_than": "须大于 {gt}",
        "less_than": "须小于 {lt}",
        "literal_error": "只能是 {expected}",
        "int_type": _INTEGER,
        "int_parsing": _INTEGER,
        "int_from_float": _INTEGER,
        "float_type": _NUMBER,
        "float_parsing": _NUMBER,
        "bool_type": _TRUTH,
        "bool_parsing": _TRUTH,
        "json_invalid": "不是有效的 JSON",
    }
)
_WRONG_ZH = "值无效"
_BOUNDS = ("max_length", "min_length", "ge", "le", "gt", "lt", "expected")
"""What of a problem's context may be said: it comes from the declaration of the field, never from what was given."""


class FieldProblem(NamedTuple):
    """One field and what is wrong with it."""

    field: str
    problem: str
    problem_zh: str


class WrongValue(ValueError):
    """What a validator of ours says of a value, in both languages and without the value."""

    def __init__(self, problem: str, problem_zh: str) -> None:
        super().__init__(problem)
        self.zh = problem_zh


def problems(error: ValidationError) -> list[FieldProblem]:
    """Every field that is wrong. The values given, which may be secrets, are not repeated."""
    found = error.errors(include_input=False, include_url=False)
    return [_problem(item["type"], item["loc"], item["msg"], item.get("ctx", {})) for item in found]


def _problem(kind: str, place: tuple[int | str, ...], said: str, context: dict[str, Any]) -> FieldProblem:
    cause = context.get("error")
    if isinstance(cause, WrongValue):
        zh = cause.zh
    else:
        zh = (
            _ZH.get(kind, _WRONG_ZH)
            .format_map({name: context.get(name, "?") for name in _BOUNDS})
            .replace(" or ", " 或 ")
        )
    return FieldProblem(".".join(str(part) for part in place), said.removeprefix(_VALUE_ERROR), zh)
