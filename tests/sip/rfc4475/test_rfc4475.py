"""RFC 4475: the torture messages, each with the RFC's verdict and ours.

The messages are files of their own because they are bytes, not text. In mpart01 the binary part is a stand-in of the
same length for the RFC's signature, holding every octet value; nothing here looks into it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from sip.digest import Credentials
from sip.errors import ParseError
from sip.message import LENIENT, STRICT, Message, Request, Response, Tolerance, parse_message
from sip.validation import discard_reason, refusal, validate_request

HERE = Path(__file__).parent

METHODS = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE", "INFO", "SUBSCRIBE", "NOTIFY"})
CONTENT_TYPES = frozenset({"application/sdp", "application/manscdp+xml", "multipart/mixed"})

ACCEPTED = 200  # "the message may be processed"; stands for no rejection
DISCARDED = 0  # a response, or a request too broken to be answered: dropped


class Case(NamedTuple):
    """verdict: the RFC's, which STRICT gives; where: the part of the message it is about; forgiven_by: the tolerance
    under which LENIENT accepts it all the same."""

    verdict: int
    where: str = ""
    forgiven_by: str | None = None


CASES = {
    # 3.1.1 valid messages
    "wsinv": Case(ACCEPTED),
    "intmeth": Case(501),  # well-formed; nobody knows the method
    "esc01": Case(ACCEPTED),
    "escnull": Case(ACCEPTED),
    "esc02": Case(501),  # well-formed; RE%47IST%45R is not REGISTER
    "lwsdisp": Case(ACCEPTED),
    "longreq": Case(ACCEPTED),
    "dblreq": Case(ACCEPTED),
    "semiuri": Case(ACCEPTED),
    "transports": Case(ACCEPTED),
    "mpart01": Case(ACCEPTED),
    "unreason": Case(ACCEPTED),
    "noreason": Case(ACCEPTED),
    # 3.1.2 invalid messages
    "badinv01": Case(400, "Via"),
    "clerr": Case(400, "Content-Length", "datagram_end"),
    "ncl": Case(400, "Content-Length"),
    "scalar02": Case(400, "Max-Forwards"),
    "scalarlg": Case(DISCARDED, "CSeq"),
    "quotbal": Case(400, "To"),
    "ltgtruri": Case(400, "URI"),
    "lwsruri": Case(400, "start line"),
    "lwsstart": Case(400, "start line", "loose_start_line"),
    "trws": Case(400, "start line", "loose_start_line"),
    "escruri": Case(400, "Request-URI"),
    "baddate": Case(400, "Date", "any_date"),
    "regbadct": Case(400, "Contact"),
    "badaspec": Case(400, "To"),
    "baddn": Case(400, "From"),
    "badvers": Case(505, "start line"),
    "mismatch01": Case(400, "CSeq"),
    "mismatch02": Case(400, "CSeq"),
    "bigcode": Case(DISCARDED, "start line"),
    # 3.2 transaction layer
    "badbranch": Case(400, "Via", "empty_branch"),
    # 3.3 application layer
    "insuf": Case(400, "From"),
    "unkscm": Case(416),
    "novelsc": Case(416),
    "unksm2": Case(400, "To"),
    "bext01": Case(420),
    "invut": Case(415),
    "regaut01": Case(401, "Authorization"),
    "multi01": Case(400, "From"),
    "mcl01": Case(400, "Content-Length"),
    "bcast": Case(DISCARDED, "Via", "extra_vias"),
    "zeromf": Case(ACCEPTED),  # by a user agent; an element that forwards answers 483
    "cparam01": Case(ACCEPTED),
    "cparam02": Case(ACCEPTED),
    "regescrt": Case(ACCEPTED),
    "sdp01": Case(406),
    # 3.4 backward compatibility
    "inv2543": Case(ACCEPTED),
}


def load(name: str) -> bytes:
    return (HERE / f"{name}.dat").read_bytes()


def verdict(data: bytes, tolerance: Tolerance) -> tuple[int, str]:
    """Status (or ACCEPTED, DISCARDED) and the words that come with it, as an endpoint would decide."""
    try:
        message = parse_message(data, tolerance=tolerance)
    except ParseError as error:
        answer = refusal(error)
        return (DISCARDED, str(error)) if answer is None else (answer.status, answer.reason)
    if isinstance(message, Response):
        reason = discard_reason(message)
        return (ACCEPTED, "") if reason is None else (DISCARDED, reason)
    rejection = validate_request(message, methods=METHODS, content_types=CONTENT_TYPES)
    if rejection is not None:
        return rejection.status, rejection.reason
    try:
        for value in message.headers.get_all("authorization"):
            Credentials.parse(value)
    except ParseError as error:
        return error.status, str(error)
    return ACCEPTED, ""


def without_length(message: Message) -> list[tuple[str, str]]:
    return [item for item in message.headers.items() if item[0].lower() not in ("l", "content-length")]


def test_every_message_of_the_rfc_has_a_verdict() -> None:
    assert {path.stem for path in HERE.glob("*.dat")} == set(CASES)
    assert len(CASES) == 49


@pytest.mark.parametrize("name", CASES)
def test_strict_reading_gives_the_verdict_of_the_rfc(name: str) -> None:
    case = CASES[name]
    status, words = verdict(load(name), STRICT)
    assert status == case.verdict, words
    assert case.where in words


@pytest.mark.parametrize("name", CASES)
def test_lenient_reading_differs_only_where_a_tolerance_says_so(name: str) -> None:
    case = CASES[name]
    status, words = verdict(load(name), LENIENT)
    assert status == (ACCEPTED if case.forgiven_by else case.verdict), words


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.forgiven_by])
def test_the_named_tolerance_alone_makes_the_difference(name: str) -> None:
    case = CASES[name]
    assert case.forgiven_by is not None
    status, words = verdict(load(name), replace(LENIENT, **{case.forgiven_by: False}))
    assert (status, case.where in words) == (case.verdict, True), words
    assert verdict(load(name), replace(STRICT, **{case.forgiven_by: True}))[0] == ACCEPTED


def test_the_exceptions_are_counted() -> None:
    assert Counter(case.forgiven_by for case in CASES.values() if case.forgiven_by) == {
        "datagram_end": 1,
        "loose_start_line": 2,
        "any_date": 1,
        "empty_branch": 1,
        "extra_vias": 1,
    }


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.verdict not in (400, 505, DISCARDED)])
@pytest.mark.parametrize("tolerance", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_what_can_be_read_is_written_back_the_same(name: str, tolerance: Tolerance) -> None:
    message = parse_message(load(name), tolerance=tolerance)
    written = bytes(message)
    again = parse_message(written, tolerance=STRICT)
    assert without_length(again) == without_length(message)
    assert (again.start_line, again.body) == (message.start_line, message.body)
    assert bytes(again) == written
    assert written.split(b"\r\n", 1)[0] == load(name).split(b"\r\n", 1)[0]


def test_a_forwarder_refuses_zero_max_forwards() -> None:
    request = parse_message(load("zeromf"))
    assert isinstance(request, Request)
    rejection = validate_request(request, methods=METHODS, forwards=True)
    assert rejection is not None
    assert rejection.status == 483


def test_wsinv_is_read_through_its_folding_and_blanks() -> None:
    request = parse_message(load("wsinv"), tolerance=STRICT)
    assert isinstance(request, Request)
    assert request.uri.params == {"unknownparam": None}
    assert request.to.tag == "1918181833n"
    assert request.from_.display == 'J Rosenberg \\"'
    assert request.from_.tag == "98asjd8"
    assert (request.max_forwards, request.cseq) == (68, (9, "INVITE"))
    assert request.headers.get("Subject") == ""
    assert request.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert request.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert [(via.transport, via.host, via.branch) for via in request.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert request.contact is not None
    assert request.contact.display == 'Quoted string ""'
    assert request.contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert len(request.body) == 150


def test_intmeth_keeps_every_legal_character() -> None:
    request = parse_message(load("intmeth"), tolerance=STRICT)
    assert isinstance(request, Request)
    assert request.method == "!interesting-Method0123456789_*+`.%indeed'~"
    user, password = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert request.uri.user == f"{user}:{password}"
    assert request.uri.host == "example.com"
    assert request.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert request.from_.display == "token1~` token2'+_ token3*%!.-"
    assert request.from_.params["fromparam''~+*_!.-%"] == '"работающий"'
    assert request.from_.tag == "_token~1'+`*%!-."
    assert request.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert request.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_escapes_are_decoded_only_where_they_are_escapes() -> None:
    esc01, escnull, esc02 = (parse_message(load(name), tolerance=STRICT) for name in ("esc01", "escnull", "esc02"))
    assert isinstance(esc01, Request)
    assert esc01.uri.decoded_user == "sips:user@example.com"
    assert (esc01.uri.host, esc01.to.uri.decoded_user) == ("example.net", "user")
    assert esc01.from_.uri.decoded_user == "I have spaces"
    assert escnull.to.uri.decoded_user == "null-\0-null"
    assert [contact.uri.decoded_user for contact in escnull.contacts] == ["\0", "\0\0"]
    assert esc02.to.display == "%Z%45"
    assert len(esc02.contacts) == 2
    assert esc02.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"


def test_longreq_keeps_its_34_hops() -> None:
    request = parse_message(load("longreq"), tolerance=STRICT)
    proxies = [f"sip{number}.example.com" for number in range(33, 0, -1)]
    assert [via.host for via in request.vias] == [*proxies, "host.example.com"]
    assert request.top_via.branch is None


def test_the_second_request_in_a_datagram_is_no_body_of_the_first() -> None:
    for tolerance in (STRICT, LENIENT):
        assert parse_message(load("dblreq"), tolerance=tolerance).body == b""


def test_contact_parameters_belong_to_the_header_or_to_the_uri() -> None:
    outside, inside = parse_message(load("cparam01")).contact, parse_message(load("cparam02")).contact
    assert outside is not None
    assert inside is not None
    assert (dict(outside.params), dict(outside.uri.params)) == ({"unknownparam": None}, {})
    assert (dict(inside.params), dict(inside.uri.params)) == ({}, {"unknownparam": None})


def test_semicolons_in_the_user_part_stay_there() -> None:
    request = parse_message(load("semiuri"), tolerance=STRICT)
    assert isinstance(request, Request)
    assert (request.uri.user, request.uri.host) == ("user;par=u%40example.net", "example.com")


def test_unsupported_extensions_are_named_in_the_answer() -> None:
    request = parse_message(load("bext01"))
    assert isinstance(request, Request)
    rejection = validate_request(request, methods=METHODS)
    assert rejection is not None
    assert rejection.headers == (("Unsupported", "nothingSupportsThis, nothingSupportsThisEither"),)


def test_binary_parts_pass_unchanged() -> None:
    assert len(parse_message(load("mpart01"), tolerance=STRICT).body) == 553


def test_reason_phrases_may_be_unusual_or_empty() -> None:
    unusual, empty = (parse_message(load(name), tolerance=STRICT) for name in ("unreason", "noreason"))
    assert isinstance(unusual, Response)
    assert isinstance(empty, Response)
    assert unusual.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert (empty.status, empty.reason) == (100, "")
