from __future__ import annotations

import pytest

from gateway.errors import TABLE, AlreadyExists, Denied, Failure, NotFound, Reason, StoreError


def test_every_reason_has_its_words() -> None:
    assert TABLE.keys() == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_the_words_fit_where_they_go(reason: Reason) -> None:
    words = TABLE[reason]
    assert 400 <= words.sip_status <= 699 and 400 <= words.http_status <= 599
    assert words.sip_phrase.isascii() and words.sip_phrase.isprintable() and len(words.sip_phrase) <= 60
    assert words.en.endswith(".") and words.zh.endswith("。")
    assert reason.value.replace("_", "").isalpha()


def test_each_step_of_a_call_is_told_apart() -> None:
    steps = [
        Reason.NO_ANSWER,
        Reason.REJECTED,
        Reason.NO_PACKET,
        Reason.FOREIGN_SOURCE,
        Reason.OTHER_SSRC,
        Reason.NO_PS_START,
        Reason.NO_KEY_FRAME,
        Reason.CODEC_UNPLAYABLE,
    ]
    assert len({TABLE[step].sip_phrase for step in steps}) == len({TABLE[step].zh for step in steps}) == len(steps)


def test_a_rejection_is_passed_on_with_the_devices_own_code() -> None:
    failure = Failure(Reason.REJECTED, "Busy", code=486, peer_id="p", channel="c")
    assert (failure.sip_status, failure.sip_phrase) == (486, "Rejected By Device (486)")
    assert failure.message == "The device rejected the request. [SIP 486] Busy"
    assert failure.message_zh == "设备拒绝了请求。[SIP 486]Busy"
    assert failure.to_json() == {
        "error": "failure",
        "step": "rejected",
        "message": failure.message,
        "message_zh": failure.message_zh,
        "hint": failure.words.hint,
        "sip_code": 486,
        "peer_id": "p",
        "channel": "c",
    }


@pytest.mark.parametrize(("code", "status"), [(401, 403), (407, 403), (200, 480), (None, 480), (603, 603), (700, 480)])
def test_what_is_no_final_error_for_the_asker_is_not_passed_on(code: int | None, status: int) -> None:
    assert Failure(Reason.REJECTED, code=code).sip_status == status


def test_a_failure_without_particulars_says_its_sentence() -> None:
    failure = Failure(Reason.NO_PACKET)
    assert str(failure) == TABLE[Reason.NO_PACKET].en and failure.message_zh == TABLE[Reason.NO_PACKET].zh
    assert (failure.sip_status, failure.http_status, failure.step) == (480, 504, "no_packet")
    assert failure.sip_phrase == "No Media Packet Arrived"


def test_a_denial_is_a_403_that_names_its_clause() -> None:
    denied = Denied("Secret.", clause="N8", detail_zh="涉密。", channel="c")
    assert (denied.sip_status, denied.http_status, denied.clause) == (403, 403, "N8")
    assert denied.message_zh == "没有权限。涉密。"
    assert denied.to_json()["error"] == "denied" and denied.to_json()["clause"] == "N8"


def test_a_store_error_names_its_record() -> None:
    assert NotFound("x", "no device x").record == "x" and str(AlreadyExists("x", "there")) == "there"
    assert issubclass(NotFound, StoreError)
