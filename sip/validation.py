"""Is this well-formed message one we can work with? The answers of RFC 3261 8.2 and of RFC 4475, before any policy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sip.errors import ParseError
from sip.fields import KNOWN_METHODS
from sip.gbdate import parse_date
from sip.grammar import split_list
from sip.headers import Headers
from sip.message import Request, Response, response_to
from sip.reasons import REASONS
from sip.tolerance import Tolerance
from sip.uri import Uri
from sip.via import MAGIC_COOKIE

_REQUIRED = ("Via", "From", "To", "Call-ID", "CSeq")
_SINGLE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards")
_CONTACT_MATTERS = frozenset({"REGISTER", "INVITE", "SUBSCRIBE", "NOTIFY"})
_SDP = "application/sdp"


@dataclass(frozen=True, slots=True)
class Rejection:
    """The answer to give: status, reason phrase naming the fault, and headers the status asks for."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the element supports.

    methods        served; others get 405 or 501
    extensions     option tags for Require
    content_types  media types in lower case; None to leave bodies to the application
    forwards       True where Max-Forwards 0 must not be passed on (483); False for a user agent, which answers
    """

    methods: Collection[str]
    extensions: Collection[str] = ()
    content_types: Collection[str] | None = None
    forwards: bool = False


def validate_request(
    request: Request,
    *,
    methods: Collection[str],
    extensions: Collection[str] = (),
    content_types: Collection[str] | None = None,
    forwards: bool = False,
    tolerance: Tolerance | None = None,
) -> Rejection | None:
    """None when the request may be processed, else the answer to it (never sent to an ACK). See Abilities.

    tolerance  of the request when not given
    """
    abilities = Abilities(methods, extensions, content_types, forwards)
    forgiven = request.tolerance if tolerance is None else tolerance
    try:
        _read_headers(request, forgiven)
    except ParseError as error:
        return _rejection(error)
    for check in _CHECKS:
        rejection = check(request, abilities)
        if rejection is not None:
            return rejection
    return None


def refusal(error: ParseError) -> Response | None:
    """The answer to a request that could not be parsed, None when too little of it could be read, or for an ACK."""
    headers = error.headers
    if headers is None or any(name not in headers for name in _REQUIRED):
        return None
    request = Request("", Uri("sip", None, ""), headers)
    if (headers.get("cseq") or "").upper().endswith("ACK") or not _is_readable(request):
        return None
    rejection = _rejection(error)
    return response_to(request, rejection.status, rejection.reason)


def discard_reason(response: Response, *, tolerance: Tolerance | None = None) -> str | None:
    """Why a response must be dropped unseen, None when it may be matched (RFC 3261 8.1.3.3, 18.1.2)."""
    forgiven = response.tolerance if tolerance is None else tolerance
    try:
        _refuse_repeated(response.headers)
        hops = response.vias
        _ = response.cseq, response.from_, response.to, response.call_id
    except ParseError as error:
        return str(error)
    if len(hops) > 1 and not forgiven.extra_vias:
        return "more than one Via"
    return None


def _rejection(error: ParseError) -> Rejection:
    return Rejection(error.status, f"{REASONS[error.status]} ({error.where}: {error.what})")


def _is_readable(request: Request) -> bool:
    try:
        _ = request.vias
    except ParseError:
        return False
    return True


def _refuse_repeated(headers: Headers) -> None:
    for name in _SINGLE:
        if headers.count(name) > 1:
            raise ParseError(name, "given more than once")


def _read_headers(request: Request, tolerance: Tolerance) -> None:
    """Read every header each request must have, once, so that later readers cannot fail."""
    _refuse_repeated(request.headers)
    _ = request.vias, request.from_, request.to, request.call_id, request.max_forwards
    branch = request.top_via.branch
    if branch is not None and not tolerance.empty_branch and branch.lower() == MAGIC_COOKIE.lower():
        raise ParseError("Via", "branch without an identifier", branch)
    if request.cseq[1] != request.method:
        raise ParseError("CSeq", "not the method of the request", request.headers.get("cseq") or "")
    if request.method in _CONTACT_MATTERS:
        _ = request.contacts
    date = request.headers.get("date")
    if date is not None and not tolerance.any_date and parse_date(date) is None:
        raise ParseError("Date", "not a date", date)


def _check_uri(request: Request, abilities: Abilities) -> Rejection | None:
    if not request.uri.is_sip:
        return Rejection(416, REASONS[416])
    if request.uri.headers:
        return Rejection(400, "Bad Request (Request-URI: headers are not allowed in it)")
    if request.method == "REGISTER" and not request.to.uri.is_sip:
        return Rejection(400, "Bad Request (To: an address of record is a SIP URI)")
    return None


def _check_method(request: Request, abilities: Abilities) -> Rejection | None:
    if request.method in abilities.methods:
        return None
    # 405 for a method of SIP that is not served here, 501 for one nobody knows (RFC 3261 8.2.1, 21.5.2).
    status = 405 if request.method in KNOWN_METHODS else 501
    return Rejection(status, REASONS[status], (("Allow", ", ".join(sorted(abilities.methods))),))


def _check_hops(request: Request, abilities: Abilities) -> Rejection | None:
    if abilities.forwards and request.max_forwards == 0:
        return Rejection(483, REASONS[483])
    return None


def _check_extensions(request: Request, abilities: Abilities) -> Rejection | None:
    if request.method in ("ACK", "CANCEL") or "require" not in request.headers:
        return None
    asked = _elements(request, "Require")
    unknown = [tag for tag in asked if tag.lower() not in abilities.extensions]
    if not unknown:
        return None
    return Rejection(420, REASONS[420], (("Unsupported", ", ".join(unknown)),))


def _check_body(request: Request, abilities: Abilities) -> Rejection | None:
    accepted = abilities.content_types
    if accepted is None or not request.body:
        return None
    # A missing Content-Type is left to the application: devices forget it on MESSAGE.
    if request.content_type and request.content_type not in accepted:
        return Rejection(415, REASONS[415], (("Accept", ", ".join(sorted(accepted))),))
    encoding = (request.headers.get("content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        return Rejection(415, REASONS[415], (("Accept-Encoding", "identity"),))
    return None


def _check_accept(request: Request, abilities: Abilities) -> Rejection | None:
    if request.method != "INVITE" or "accept" not in request.headers:
        return None
    ranges = [element.partition(";")[0].strip(" \t").lower() for element in _elements(request, "Accept")]
    if any(media in (_SDP, "application/*", "*/*") for media in ranges):
        return None
    return Rejection(406, REASONS[406])


def _elements(request: Request, name: str) -> list[str]:
    elements: list[str] = []
    for value in request.headers.get_all(name):
        if not value:
            continue
        try:
            elements += split_list(value, name)
        except ParseError:
            elements.append(value)  # unreadable counts as one element nobody knows
    return elements


_CHECKS: tuple[Callable[[Request, Abilities], Rejection | None], ...] = (
    _check_uri,
    _check_method,
    _check_hops,
    _check_extensions,
    _check_body,
    _check_accept,
)
