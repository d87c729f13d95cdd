"""What a strict reader finds wrong with SIP, SDP and MANSCDP bytes: a list of sentences, empty when all is well."""

from __future__ import annotations

import re
import xml.dom.minidom
from xml.parsers.expat import ExpatError

_METHODS = "REGISTER|MESSAGE|INVITE|ACK|BYE|CANCEL|INFO|SUBSCRIBE|NOTIFY|OPTIONS"
_NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")
_SDP_ORDER = "vosuctmayf"
DATE_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")

# Order of the children of Item; both editions merged, since each is a sub-sequence (clause A.2.1.9).
ITEM_ORDER = [
    "DeviceID", "Event", "Name", "Manufacturer", "Model", "Owner", "CivilCode", "Block", "Address", "Parental",
    "ParentID", "SafetyWay", "RegisterWay", "CertNum", "Certifiable", "ErrCode", "EndTime", "SecurityLevelCode",
    "Secrecy", "IPAddress", "Port", "Password", "Status", "Longitude", "Latitude", "BusinessGroupID", "Info",
]  # fmt: skip


def _values(head: str, name: str) -> list[str]:
    return [value.strip() for value in re.findall(rf"(?im)^{name}[ \t]*:(.*)$", head)]


def message_faults(data: bytes, transport: str = "UDP") -> list[str]:
    """Faults of one SIP message as RFC 3261 8.1, 8.2.6, 20 and the profile of GB/T 28181 see it."""
    head_bytes, blank, body = data.lstrip(b"\r\n\0").partition(b"\r\n\r\n")
    head = head_bytes.decode("utf-8", "replace").replace("\r\n", "\n")
    start = head.split("\n")[0]
    found = [] if blank else ["no blank line after the headers"]
    found += [f"{start}: {name} occurs {len(_values(head, name))} times" for name in _NEEDED
              if not _values(head, name) or (name != "Via" and len(_values(head, name)) > 1)]  # fmt: skip
    lengths = _values(head, "Content-Length")
    if lengths != [str(len(body))]:
        found.append(f"{start}: Content-Length {lengths} for {len(body)} bytes")
    if found:
        return found
    cseq = _values(head, "CSeq")[0].split()
    if len(cseq) != 2 or not re.fullmatch(_METHODS, cseq[1]):
        found.append(f"{start}: CSeq {cseq}")
    if start.startswith("SIP/2.0 "):
        found += _response_faults(start, head, cseq[-1])
    else:
        found += _request_faults(start, head, cseq[-1], transport)
    kind = "".join(_values(head, "Content-Type")).lower()
    if body and kind.startswith("application/sdp"):
        found += sdp_faults(body)
    elif body and kind.startswith("application/manscdp+xml"):
        found += manscdp_faults(body)
    return found


def _request_faults(start: str, head: str, cseq_method: str, transport: str) -> list[str]:
    found = []
    if not re.fullmatch(rf"({_METHODS}) sip:\S+ SIP/2\.0", start) or start.split()[0] != cseq_method:
        found.append(f"{start}: request line against CSeq {cseq_method}")
    via = _values(head, "Via")[0]
    if not re.match(rf"SIP/2\.0/{transport} ", via) or ";rport" not in via or ";branch=z9hG4bK" not in via:
        found.append(f"{start}: Via {via}")
    if ";tag=" not in _values(head, "From")[0]:
        found.append(f"{start}: From without tag")
    if not _values(head, "Max-Forwards"):
        found.append(f"{start}: no Max-Forwards")
    if cseq_method in ("REGISTER", "INVITE", "SUBSCRIBE", "NOTIFY") and not _values(head, "Contact"):
        found.append(f"{start}: no Contact")
    if cseq_method in ("REGISTER", "SUBSCRIBE") and not _values(head, "Expires"):
        found.append(f"{start}: no Expires")
    if cseq_method == "NOTIFY" and not (_values(head, "Subscription-State") and _values(head, "Event")):
        found.append(f"{start}: no Subscription-State or Event")
    if cseq_method == "INVITE" and not _values(head, "Subject"):
        found.append(f"{start}: no Subject")
    return found


def _response_faults(start: str, head: str, method: str) -> list[str]:
    status, found = start.split()[1], []
    if status != "100" and ";tag=" not in _values(head, "To")[0]:
        found.append(f"{start}: To without tag")
    via = _values(head, "Via")[0]
    if not re.search(r";rport=\d+", via) or ";received=" not in via:
        found.append(f"{start}: top Via not filled: {via}")
    if method in ("INVITE", "SUBSCRIBE") and status == "200" and not _values(head, "Contact"):
        found.append(f"{start}: no Contact in 200 to {method}")
    if method == "REGISTER" and status == "200":
        found += [
            f"{start}: no {name} in 200 to REGISTER" for name in ("Expires", "Contact") if not _values(head, name)
        ]
        dates = _values(head, "Date")
        if len(dates) != 1 or not DATE_FORM.fullmatch(dates[0]):
            found.append(f"{start}: Date {dates}")
    if status == "401" and not _values(head, "WWW-Authenticate"):
        found.append(f"{start}: no WWW-Authenticate")
    return found


def sdp_faults(body: bytes) -> list[str]:
    """Faults of an SDP body: line order v o s u c t m a y f, CRLF, a ten-digit y."""
    text = body.decode("utf-8", "replace")
    rows = text.split("\r\n")
    found = [] if rows[-1] == "" else ["SDP: last line has no CRLF"]
    letters = "".join(row[:1] for row in rows[:-1])
    if letters != "".join(sorted(letters, key=lambda c: _SDP_ORDER.find(c))) or letters[:3] != "vos":
        found.append(f"SDP: line order {letters}")
    found += [f"SDP: {row}" for row in rows if row.startswith("y=") and not re.fullmatch(r"y=\d{10}", row)]
    return found


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def manscdp_faults(body: bytes) -> list[str]:
    """Faults of a MANSCDP body: charset as declared, envelope order, Num, order of the children of each Item."""
    declared = re.match(rb'<\?xml [^>]*encoding="([^"]+)"', body)
    charset = declared[1].decode() if declared else "UTF-8"
    national = charset.upper().startswith("GB")
    if national and not body.isascii() and _is_utf8(body):
        return [f"MANSCDP: declared {charset} but is UTF-8"]
    try:
        text = body.decode("gb18030" if national else charset)
    except (UnicodeDecodeError, LookupError):
        return [f"MANSCDP: does not decode as declared {charset}"]
    try:
        root = xml.dom.minidom.parseString(re.sub(r"<\?xml[^>]*\?>", "", text).encode()).documentElement
    except ExpatError as error:
        return [f"MANSCDP: {error}"]
    assert root is not None
    found = []
    names = [node.nodeName for node in root.childNodes if node.nodeType == node.ELEMENT_NODE]
    if root.nodeName not in ("Control", "Query", "Notify", "Response") or names[:3] != ["CmdType", "SN", "DeviceID"]:
        found.append(f"MANSCDP: {root.nodeName} begins with {names[:3]}")
    for listing in root.getElementsByTagName("DeviceList"):
        items = [node for node in listing.childNodes if node.nodeName == "Item"]
        if listing.getAttribute("Num") != str(len(items)):
            found.append(f"MANSCDP: Num {listing.getAttribute('Num')} for {len(items)} items")
        for item in items:
            order = [ITEM_ORDER.index(n.nodeName) for n in item.childNodes if n.nodeName in ITEM_ORDER]
            if order != sorted(order):
                found.append(f"MANSCDP: Item children out of order: {[ITEM_ORDER[i] for i in order]}")
    return found
