"""BYE as a hand-written peer sees it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.errors import Failure, Reason
from gateway.signalling.bye import send_bye
from sip import NameAddr, TransactionTimeout, Uri
from sip.aio import Peer, SipStack
from sip.dialog import Dialog
from sip.timings import Timings


def dialog() -> Dialog:
    ours, theirs = Uri("sip", "34020000002000000001", "3402000000"), Uri("sip", "34020000001320000001", "3402000000")
    return Dialog("call-1", "us", "them", NameAddr(ours), NameAddr(theirs), theirs, local_cseq=1)


async def said(failure: Failure | None, answer: str) -> bytes:
    """Send a BYE to a plain socket that answers `answer`; the datagram it got."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        far.setblocking(False)
        stack = SipStack(user_agent="test", on_request=lambda incoming: None)
        await stack.listen("UDP", "127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        sending = asyncio.create_task(send_bye(stack, dialog(), Peer("UDP", *far.getsockname()), failure))
        data, source = await loop.sock_recvfrom(far, 4096)
        lines = [
            line
            for line in data.decode().split("\r\n")
            if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        await loop.sock_sendto(
            far, "\r\n".join([f"SIP/2.0 {answer}", *lines, "Content-Length: 0", "", ""]).encode(), source
        )
        await sending
        await stack.close()
        return data


async def test_a_bye_carries_the_dialog_and_says_why() -> None:
    data = await said(Failure(Reason.STREAM_LOST, "silent"), "200 OK")
    assert data.startswith(b"BYE sip:34020000001320000001@3402000000 SIP/2.0\r\n")
    assert b"\r\nCSeq: 2 BYE\r\n" in data
    assert b"\r\nCall-ID: call-1\r\n" in data
    assert b'\r\nReason: SIP;cause=480;text="Media Stream Lost"\r\n' in data


async def test_a_bye_for_no_fault_gives_no_reason() -> None:
    assert b"Reason:" not in await said(None, "481 Call/Transaction Does Not Exist")


async def test_a_peer_that_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.signalling.bye.BYE_TIMEOUT_S", 0.05)
    stack = SipStack(user_agent="test", on_request=lambda incoming: None, timings=Timings())
    await stack.listen("UDP", "127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        with pytest.raises(TransactionTimeout):
            await send_bye(stack, dialog(), Peer("UDP", *far.getsockname()), None)
    await stack.close()
