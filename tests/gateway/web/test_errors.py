from __future__ import annotations

import json

import pytest
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.errors import AlreadyExists, Denied, Failure, InUse, NotFound, Reason
from gateway.web.errors import ApiError, error_body, error_response, internal_response, wrong_field

SHAPE = {"error", "step", "message", "message_zh", "hint"}


class Port(BaseModel):
    port: int


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Port.model_validate({"port": "s3cret"})
    return caught.value


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (ApiError(429, "too_many", "Wait.", "请稍候。"), 429, "too_many"),
        (Failure(Reason.DEVICE_OFFLINE), 503, "failure"),
        (Denied("No.", clause="N8"), 403, "denied"),
        (NotFound("x", "no device x"), 404, "not_found"),
        (AlreadyExists("x", "there"), 409, "already_exists"),
        (InUse("x", "used"), 409, "in_use"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed"),
        (web.HTTPTooManyRequests(), 429, "http_error"),
        (invalid(), 400, "invalid"),
    ],
)
def test_every_expected_error_has_the_one_shape(error: Exception, status: int, name: str) -> None:
    response = error_response(error)
    assert response is not None and response.status == status
    body = json.loads(response.body)  # type: ignore[arg-type]
    assert body.keys() >= SHAPE and body["error"] == name
    assert body["message"] and body["message_zh"]
    assert "s3cret" not in str(body)


def test_a_refused_method_says_which_are_allowed() -> None:
    response = error_response(web.HTTPMethodNotAllowed("PUT", ["GET"]))
    assert response is not None and response.headers["Allow"] == "GET"


def test_headers_of_an_api_error_are_sent() -> None:
    response = error_response(ApiError(429, "x", "x", "x", headers={"Retry-After": "60"}))
    assert response is not None and response.headers["Retry-After"] == "60"


def test_a_wrong_field_is_named_for_the_form_that_shows_it_there() -> None:
    error = wrong_field("url", "is needed", "必填", hint="Look.")
    assert (error.status, error.message, error.message_zh) == (400, "url: is needed", "url：必填。")
    assert error.body()["fields"] == [{"field": "url", "problem": "is needed", "problem_zh": "必填"}]
    assert "fields" not in ApiError(409, "x", "x", "x").body()


def test_every_field_of_a_body_that_is_wrong_is_named_in_both_languages() -> None:
    response = error_response(invalid())
    assert response is not None
    body = json.loads(response.body)  # type: ignore[arg-type]
    assert body["message_zh"] == "port：须为整数。"
    assert [(one["field"], one["problem_zh"]) for one in body["fields"]] == [("port", "须为整数")]


def test_our_own_faults_are_not_expected_errors_and_say_nothing() -> None:
    assert error_response(ZeroDivisionError("inner")) is None
    assert error_response(web.HTTPFound("/elsewhere")) is None
    response = internal_response()
    assert response.status == 500 and json.loads(response.body)["step"] == "internal"  # type: ignore[arg-type]


def test_the_shape_is_complete_without_particulars() -> None:
    assert error_body("x", "m", "z") == {"error": "x", "step": "", "message": "m", "message_zh": "z", "hint": ""}
