"""The signalling of several nodes as one text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interop.demo.trace import Message, Milestone, once, read_messages, written

CITY, REGION, CAMERA = "127.0.0.1:6001", "127.0.0.1:6002", "127.0.0.1:40000"
NAMES = {CITY: "city", REGION: "region"}
REGISTER = "REGISTER sip:x SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n"


def message(at: float, node: str, sent: bool, source: str, target: str, text: str = REGISTER) -> Message:
    return Message(at, node, sent, "UDP", source, target, text)


def test_what_a_node_wrote_is_read_with_its_way(tmp_path: Path) -> None:
    file = tmp_path / "sip-trace.jsonl"
    seen = {"at": 1.5, "transport": "TCP", "peer": CAMERA, "local": CITY, "message": REGISTER}
    file.write_text("".join(json.dumps({**seen, "direction": sign}) + "\n" for sign in "<>"), "utf-8")
    assert read_messages("city", file) == [
        Message(1.5, "city", False, "TCP", CAMERA, CITY, REGISTER),
        Message(1.5, "city", True, "TCP", CITY, CAMERA, REGISTER),
    ]
    file.write_text("{}\n", "utf-8")
    with pytest.raises(KeyError):
        read_messages("city", file)


def test_a_message_between_two_nodes_is_shown_once() -> None:
    sent, arrived = message(1.0, "city", True, CITY, REGION), message(1.1, "region", False, CITY, REGION)
    assert once([arrived, sent]) == [sent]


def test_a_repeated_message_is_shown_as_often_as_it_was_sent() -> None:
    sent = [message(at, "city", True, CITY, REGION) for at in (1.0, 1.5)]
    arrived = message(1.6, "region", False, CITY, REGION)
    assert once([*sent, arrived]) == sent


def test_what_arrives_otherwise_than_it_was_sent_or_from_nobody_is_shown() -> None:
    sent = message(1.0, "city", True, CITY, REGION)
    changed = message(1.1, "region", False, CITY, REGION, REGISTER.replace("1 REG", "2 REG"))
    again = message(1.3, "region", False, CITY, REGION)
    foreign = message(1.4, "city", False, CAMERA, CITY)
    assert once([sent, changed, message(1.2, "region", False, CITY, REGION), again, foreign]) == [
        sent, changed, again, foreign,
    ]  # fmt: skip


def test_the_text_tells_time_way_and_the_whole_message_among_the_milestones() -> None:
    text = written(
        [
            message(10.0, "city", True, CITY, REGION),
            message(10.25, "city", False, CAMERA, CITY, "MESSAGE sip:x SIP/2.0\r\n\r\n<Notify>\r\n</Notify>\r\n"),
            message(10.75, "region", True, "127.0.0.1:50000", CITY),
        ],
        [Milestone(10.5, "region", "340/341 media port open port=30000")],
        NAMES,
    )
    assert text == (
        "    0.000  city 127.0.0.1:6001 -> region 127.0.0.1:6002  UDP\n"
        "           REGISTER sip:x SIP/2.0\n"
        "           CSeq: 1 REGISTER\n"
        "\n"
        "    0.250  127.0.0.1:40000 -> city 127.0.0.1:6001  UDP\n"
        "           MESSAGE sip:x SIP/2.0\n"
        "\n"
        "           <Notify>\n"
        "           </Notify>\n"
        "\n"
        "    0.500  region: 340/341 media port open port=30000\n"
        "\n"
        "    0.750  region 127.0.0.1:50000 -> city 127.0.0.1:6001  UDP\n"
        "           REGISTER sip:x SIP/2.0\n"
        "           CSeq: 1 REGISTER\n"
        "\n"
    )


def test_the_end_of_a_connection_that_a_node_opened_is_the_nodes() -> None:
    text = written([message(1.0, "region", False, CITY, "127.0.0.1:50000")], [], NAMES)
    assert text.startswith("    0.000  city 127.0.0.1:6001 -> region 127.0.0.1:50000  UDP\n")


def test_no_messages_are_no_text() -> None:
    assert written([], [], NAMES) == ""
