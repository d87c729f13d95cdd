"""Every sentence about a registration is there in English and in Chinese."""

from __future__ import annotations

import re

import pytest

from gateway.signalling import uplink_words as words
from gateway.signalling.said import Said, reason_said
from gateway.signalling.uplink_words import HINTS, OURS_HINT, RegistrationRefused, hint_of, problem_of
from sip import RemoteError, TransactionTimeout, TransportFailed

CHINESE = re.compile("[\u4e00-\u9fff]")
ERRORS: dict[str, Exception] = {
    "refused": RegistrationRefused(403, reason_said(403, "Forbidden")),
    "unusual": RegistrationRefused(477, reason_said(477, "Strange")),
    "nowhere": RegistrationRefused(302, words.NOWHERE),
    "faulty": RegistrationRefused(500, reason_said(500, "Oops")),
    "declined": RegistrationRefused(603, reason_said(603, "Decline")),
    "silent": TransactionTimeout("UDP 192.0.2.1:5060"),
    "unknown name": TransportFailed("upper.example", "name not known"),
    "unreachable": TransportFailed("TCP 192.0.2.1:5060", "connection refused", "111"),
    "keepalive": RemoteError("keepalive", "answered 500", "Oops"),
    "closed": words.ConnectionClosed(),
    "socket": OSError("no route"),
    "bug": ZeroDivisionError("a bug"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
def test_whatever_goes_wrong_has_words_and_advice_in_both_languages(error: Exception) -> None:
    problem, hint = problem_of(error), hint_of(error)
    assert problem.en and not CHINESE.search(problem.en)
    assert hint.en.endswith(".") and hint.zh.endswith("。") and CHINESE.search(hint.zh)
    assert words.failed(problem).en == f"failed: {problem.en}" and words.failed(problem).zh == f"失败：{problem.zh}"


def test_a_refusal_names_its_code_and_what_the_code_means() -> None:
    assert problem_of(ERRORS["refused"]) == Said("403 Forbidden", "403 禁止")
    assert problem_of(ERRORS["unusual"]) == Said("477 Strange", "477 Strange")
    assert problem_of(ERRORS["nowhere"]) == Said("302 redirected to nowhere", "302 重定向没有给出目标地址")
    assert str(ERRORS["refused"]) == "403 Forbidden" and str(words.NOWHERE) == "redirected to nowhere"


def test_a_closed_connection_is_told_as_such() -> None:
    assert problem_of(ERRORS["closed"]) == words.CONNECTION_CLOSED


def test_what_cannot_be_sent_or_is_not_answered_is_told_apart() -> None:
    assert problem_of(ERRORS["silent"]).zh == "UDP 192.0.2.1:5060 在规定时间内没有应答"
    assert problem_of(ERRORS["unknown name"]).zh == "upper.example：域名无法解析"
    assert problem_of(ERRORS["unreachable"]).zh == "TCP 192.0.2.1:5060：connection refused（111）"
    assert hint_of(ERRORS["silent"]) == HINTS[408] and hint_of(ERRORS["unreachable"]) == HINTS[503]
    assert hint_of(ERRORS["socket"]) == HINTS[503] and hint_of(ERRORS["bug"]) == OURS_HINT


def test_a_code_without_a_line_of_its_own_gets_the_advice_of_its_class() -> None:
    assert hint_of(ERRORS["unusual"]) == hint_of(ERRORS["declined"]) != hint_of(ERRORS["faulty"])
    assert "elsewhere" in hint_of(ERRORS["nowhere"]).en
    assert hint_of(RemoteError("answer", "cannot be read", status=0)) == HINTS[400]


def test_every_step_is_said_in_both_languages() -> None:
    problem = Said("no answer", "没有应答")
    steps = (
        words.register_answered(401, "Unauthorized"),
        words.redirected("sip:1@192.0.2.2"),
        words.not_resumed(problem),
        words.keepalive_unanswered(2, problem),
        words.keepalive_refused(404, "Not Found"),
        words.unanswerable("algorithm"),
        words.CONNECTION_CLOSED,
        words.NO_CHALLENGE,
        words.CLOSED_HINT,
        words.CLOSED_AGAIN_HINT,
    )
    for said in steps:
        assert said.en and not CHINESE.search(said.en) and CHINESE.search(said.zh)
    assert words.register_answered(401, "Unauthorized").zh == "注册请求（REGISTER）得到应答 401 要求认证"
