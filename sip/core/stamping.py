"""What the receiver of a request notes in its top Via (RFC 3261 18.2.1, RFC 3581 4)."""

from __future__ import annotations

import re
from dataclasses import replace

from sip.message import Request
from sip.peer import Peer
from sip.via import Via

_BARE_RPORT = re.compile(r";[ \t]*rport(?=[ \t]*(?:;|$))", re.IGNORECASE)


def stamp_source(request: Request, source: Peer) -> None:
    """Note in the top Via where the request came from."""
    via = request.top_via
    params = via.params
    if "rport" not in params and "received" not in params and via.host == source.host:
        return
    text = request.headers.get("Via") or ""
    if "received" not in params and "," not in text:
        # The usual case, as the peer wrote it.
        stamped, found = _BARE_RPORT.subn(f";rport={source.port}", text, count=1)
        if found or "rport" not in params:
            request.headers.replace_first("Via", f"{stamped};received={source.host}")
            return
    params = {**params, "received": source.host}
    if "rport" in params:
        params["rport"] = str(source.port)
    hops = Via.split_many(text)
    hops[0] = str(replace(via, params=params))
    request.headers.replace_first("Via", ", ".join(hops))
