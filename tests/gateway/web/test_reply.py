from __future__ import annotations

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from gateway.web.reply import json_response, to_json


class Shown(BaseModel):
    name: str


@dataclass
class Plain:
    model: Shown


def test_models_dataclasses_and_sets_become_json() -> None:
    assert to_json([Shown(name="东门"), {"b", "a"}]) == '[{"name":"东门"},["a","b"]]'.encode()
    assert to_json(Plain(Shown(name="x"))) == b'{"model":{"name":"x"}}'


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        to_json(object())


def test_a_response_says_it_is_json() -> None:
    response = json_response({"a": 1}, status=201, headers={"X": "y"})
    assert (response.status, response.content_type, response.body, response.headers["X"]) == (
        201,
        "application/json",
        b'{"a":1}',
        "y",
    )


def test_a_header_that_was_no_utf8_is_shown_as_well_as_json_can() -> None:
    not_utf8 = b"a\xff".decode("utf-8", "surrogateescape")
    assert to_json(Plain(Shown.model_construct(name=not_utf8))) == b'{"model": {"name": "a?"}}'
    assert to_json({"what": not_utf8, "n": 10**20}) == b'{"what": "a?", "n": 100000000000000000000}'
