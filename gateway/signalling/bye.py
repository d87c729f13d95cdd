"""Ending a dialog: BYE that says why (GB/T 28181-2022 9.2, Reason header RFC 3326)."""

from __future__ import annotations

from gateway.errors import Failure
from sip.aio import Peer, SipStack
from sip.dialog import Dialog

BYE_TIMEOUT_S = 4.0


async def send_bye(stack: SipStack, dialog: Dialog, peer: Peer, failure: Failure | None) -> None:
    """End a dialog, saying why. Raises what `SipStack.ask` raises."""
    headers: list[tuple[str, str]] = []
    if failure is not None:
        headers.append(("Reason", f'SIP;cause={failure.sip_status};text="{failure.sip_phrase}"'))
    request = dialog.request("BYE", contact=None, headers=headers)
    await stack.ask(request, peer, timeout_s=BYE_TIMEOUT_S)
