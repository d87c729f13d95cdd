from __future__ import annotations

from typing import Any

import pytest

from gateway.cli_fields import BODIES, FieldError, fields_of


@pytest.mark.parametrize(
    ("noun", "argument", "value"),
    [
        ("device", "name=东门 1", "东门 1"),
        ("device", "name=", ""),
        ("device", "name=a=b", "a=b"),
        ("device", "enabled=no", False),
        ("device", "charset=null", None),
        ("device", "charset=GB2312", "GB2312"),
        ("device", "tolerances=ssrc_any, gbk", ["ssrc_any", "gbk"]),
        ("device", "tolerances=", []),
        ("device", "password=00123", "00123"),
        ("device", "url=rtsp://192.0.2.1/live?channel=1&subtype=0", "rtsp://192.0.2.1/live?channel=1&subtype=0"),
        ("device", "always_on=yes", True),
        ("upper", "port=5061", 5061),
        ("upper", "rule_id=", None),
        ("upper", 'source_addresses=["192.0.2.1"]', ["192.0.2.1"]),
        ("rule", 'published={"a/1": "2"}', {"a/1": "2"}),
        ("user", "role=admin", "admin"),
        ("device", "max_sessions=4", 4),
        ("device", "max_sessions=", None),
    ],
)
def test_an_argument_becomes_a_field_of_its_type(noun: str, argument: str, value: Any) -> None:
    assert fields_of(noun, [argument]) == {argument.partition("=")[0]: value}


@pytest.mark.parametrize(
    ("noun", "argument", "words"),
    [
        ("device", "name", "KEY=VALUE"),
        ("device", "colour=red", "a device has .*charset"),
        ("device", "enabled=perhaps", "not of its type"),
        ("upper", "port=many", "not of its type"),
        ("device", "max_sessions=many", "not of its type"),
        ("rule", "published=x", "not of its type"),
        ("rule", "channels=[1", "not of its type"),
    ],
)
def test_a_wrong_argument_is_named(noun: str, argument: str, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        fields_of(noun, [argument])


def test_several_arguments_make_one_body_the_api_accepts() -> None:
    for noun, body in BODIES.items():
        assert fields_of(noun, []) == {} and body.model_validate({})
    upper = fields_of("upper", ["host=192.0.2.1", "port=5061", "enabled=yes", "source_addresses=192.0.2.2"])
    assert BODIES["upper"].model_validate(upper)
