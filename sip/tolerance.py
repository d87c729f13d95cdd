"""Named tolerances: every liberty taken with a peer's message has a name, evidence and a switch.

What GB/T 28181 itself prescribes against RFC 3261 (ten-digit domains, the Date form of 9.10) is not a tolerance:
it is always read. These here belong to one message; `answer_from_elsewhere`, which belongs to one peer, is in
`sip.core.answer_source`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Which departures from RFC 3261 are forgiven. `STRICT` forgives none, `LENIENT` all."""

    bare_lf: bool = True
    """Lines ended by LF alone. Seen from embedded stacks and hand-written test tools."""

    any_method_case: bool = True
    """`Register`, `Message` in request line and CSeq. Printed so in the examples of GB/T 28181-2016 Annex J."""

    loose_start_line: bool = True
    """Several blanks between, or blanks after, the parts of the start line. Seen from embedded stacks."""

    missing_reason: bool = True
    """`SIP/2.0 200` without the blank that precedes an empty reason phrase. Seen from embedded stacks."""

    junk_header_line: bool = True
    """A header line without a colon, or with a name that is no token, is left out.
    Seen where HTTP code was reused for SIP."""

    datagram_end: bool = True
    """A Content-Length that disagrees with the datagram is ignored: the datagram's end is the body's end.
    Devices count characters instead of GB 2312 bytes, or leave the XML declaration out of the count."""

    missing_length: bool = True
    """A message on TCP without Content-Length: no body, unless one visibly follows. Seen from device firmware."""

    short_length: bool = True
    """A Content-Length on TCP that ends inside the XML: the body goes on to the end of the XML root.
    The same miscounts as over UDP."""

    resynchronise: bool = True
    """Bytes on TCP that are no SIP message are skipped to the next start line.
    Some devices send binary heartbeats on the connection."""

    raw_display_name: bool = True
    """A display name outside ASCII without quotes (Chinese camera names, in GBK or UTF-8)."""

    host_underscore: bool = True
    """Host names with an underscore. Vendor default host names look like `NVR_01`."""

    empty_branch: bool = True
    """A branch that is the magic cookie and nothing else is matched the RFC 2543 way.
    Home-made stacks send constant branches."""

    extra_vias: bool = True
    """A response with more than one Via is looked at. Seen from platforms that forward without taking their own off."""

    any_date: bool = True
    """A Date no form can be read from is passed by. Devices send local forms and wrong zones."""

    qop_misspelt: bool = True
    """`qop=aut` and other unknown values in credentials are verified all the same.
    Seen from device firmware that cuts the text."""


LENIENT = Tolerance()
STRICT = Tolerance(**{tolerance.name: False for tolerance in fields(Tolerance)})
