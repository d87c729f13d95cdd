"""The SIP stack on asyncio: its front door."""

from __future__ import annotations

from sip.aio.incoming import Incoming
from sip.aio.outgoing import OutgoingInvite
from sip.aio.route import WayOut, WayOutPolicy
from sip.aio.stack import SipStack
from sip.aio.wire import WireEvent
from sip.peer import Peer

__all__ = ["Incoming", "OutgoingInvite", "Peer", "SipStack", "WayOut", "WayOutPolicy", "WireEvent"]
