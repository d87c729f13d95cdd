"""What a source worker says, in the words of this node."""

from __future__ import annotations

from typing import get_args

from gateway.errors import TABLE
from gateway.relay.hub import StreamKey
from gateway.rtsp.reasons import REASONS, failure_of
from media.worker.control import PullReason

KEY = StreamKey("34020000001110000007", "34020000001320000007")


def test_every_reason_of_a_source_worker_has_its_words() -> None:
    assert set(REASONS) == set(get_args(PullReason))
    for reason in REASONS.values():
        words = TABLE[reason]
        assert words.en and words.zh and words.hint and words.sip_phrase.isascii()


def test_a_failure_says_whose_it_is() -> None:
    failure = failure_of(KEY, "not_authorised", "401 Unauthorized")
    assert (failure.step, failure.peer_id, failure.channel) == ("rtsp_refused_password", *KEY)
    assert failure.message.endswith("401 Unauthorized")
