"""What is wrong with a field is said in both languages, and never with the value that was given."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gateway.web.field_words import FieldProblem, WrongValue, problems

GIVEN = "s3cret-value"


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field("", pattern="^[0-9]*$", max_length=20)
    port: int = Field(1, ge=1, le=65535)
    kind: Literal["udp", "tcp"] = "udp"
    on: bool = True
    share: float = 0.0
    names: tuple[str, ...] = Field((), max_length=1)
    url: str = ""
    odd: str = ""

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if url:
            raise WrongValue("is no address", "不是地址")
        return url

    @field_validator("odd")
    @classmethod
    def _is_even(cls, odd: str) -> str:
        if odd:
            raise ValueError("is odd")
        return odd


def wrong(**given: Any) -> list[FieldProblem]:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(given)
    return problems(caught.value)


@pytest.mark.parametrize(
    ("given", "zh"),
    [
        ({"code": GIVEN}, "格式不正确"),
        ({"code": "1" * 21}, "最多 20 个字符"),
        ({"code": None}, "须为文本"),
        ({"port": 0}, "不能小于 1"),
        ({"port": 70_000}, "不能大于 65535"),
        ({"port": GIVEN}, "须为整数"),
        ({"kind": GIVEN}, "只能是 'udp' 或 'tcp'"),
        ({"on": GIVEN}, "须为 true 或 false"),
        ({"share": GIVEN}, "须为数字"),
        ({"names": ["a", "b"]}, "最多 1 项"),
        ({"unheard": GIVEN}, "没有这个字段"),
        ({"url": GIVEN}, "不是地址"),
        ({"odd": GIVEN}, "值无效"),
    ],
)
def test_a_field_is_named_with_its_problem_in_both_languages(given: dict[str, Any], zh: str) -> None:
    (found,) = wrong(**given)
    assert found.field == next(iter(given)) and found.problem_zh == zh
    assert found.problem and not re.search("[一-鿿]", found.problem) and GIVEN not in str(found)


def test_words_of_our_own_stand_alone_and_every_field_is_named() -> None:
    assert wrong(url="x") == [FieldProblem("url", "is no address", "不是地址")]
    assert [one.field for one in wrong(port=0, kind="x")] == ["port", "kind"]
