"""What an unregistration (注销) may remove: RFC 3261 10.3 steps 6 and 7 for the one binding a GB/T 28181 peer has.

A peer that moved (another address, another network card, a NAT that forgot it) registers from its new place; what its
old place still sends must not take the new registration away.
"""

from __future__ import annotations

import enum

from gateway.signalling.bindings import Binding, address_key
from sip import NameAddr, ParseError, Peer, Request, Uri


class Unregistration(enum.Enum):
    """What becomes of the binding."""

    REMOVES = "removes"
    """It is the one meant."""
    LEAVES = "leaves"
    """Another one was meant, which is not there any more; answered 200."""
    OUT_OF_ORDER = "out of order"
    """Sent before the REGISTER that made the binding (same Call-ID, lower CSeq): refused."""


def unregistration(request: Request, source: Peer, binding: Binding | None) -> Unregistration:
    """Decide an authenticated REGISTER with Expires 0 (or Contact `*`) of the peer that holds `binding`."""
    if binding is None:
        return Unregistration.REMOVES
    call_id, cseq = request.call_id, request.cseq[0]
    # An equal CSeq is tolerated: some firmware writes 1 into every REGISTER.
    if call_id == binding.call_id and cseq < binding.cseq:
        return Unregistration.OUT_OF_ORDER
    # From the very place that is registered it is meant whatever it says: Contact headers of devices are often missing,
    # or another card's address.
    if address_key(source) == address_key(binding.source):
        return Unregistration.REMOVES
    if call_id == binding.replaced_call_id:
        return Unregistration.LEAVES
    contacts = request.contacts
    if any(contact.is_star or _same(contact.uri, _uri(binding.contact)) for contact in contacts):
        return Unregistration.REMOVES
    return Unregistration.LEAVES


def contact_left(binding: Binding, now: float) -> str:
    """The Contact value that tells of a binding which is still there (RFC 3261 10.3 step 8)."""
    uri = _uri(binding.contact) or Uri("sip", binding.peer_id, binding.source.host, binding.source.port)
    return f"<{uri}>;expires={max(int(binding.expires_at - now), 0)}"


def _uri(contact: str) -> Uri | None:
    """The URI of a Contact value as it was stored; None when it cannot be read."""
    try:
        return NameAddr.parse_many(contact)[0].uri
    except (ParseError, IndexError):
        return None


def _same(one: Uri, other: Uri | None) -> bool:
    """RFC 3261 19.1.4 as far as Contacts of devices go: parameters do not count, and no port is 5060."""
    if other is None or (one.scheme, one.user) != (other.scheme, other.user):
        return False
    return one.host.lower() == other.host.lower() and (one.port or 5060) == (other.port or 5060)
