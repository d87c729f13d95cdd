"""The stack on real sockets of 127.0.0.1. The far end is a plain socket that speaks hand-written bytes."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
import uvloop

from sip.aio import Incoming, Peer, SipStack, WireEvent
from sip.dialog import Dialog
from sip.errors import AckTimeout, LocalError, ParseError, TransactionTimeout, TransportFailed
from sip.limits import Limits
from sip.message import Request, parse_message
from sip.timings import Timings

QUICK = Timings(t1=0.01, t2=0.04, t4=0.05)


class Far:
    """A UDP peer of plain bytes."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.peer = Peer("UDP", "127.0.0.1", self.port)

    async def receive(self) -> bytes:
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.socket, 65_535)

    async def receive_starting(self, text: str) -> bytes:
        while not (data := await self.receive()).startswith(text.encode()):
            pass
        return data

    def send(self, data: bytes, port: int) -> None:
        self.socket.sendto(data, ("127.0.0.1", port))


@asynccontextmanager
async def far_end() -> AsyncIterator[Far]:
    far = Far()
    try:
        yield far
    finally:
        far.socket.close()


@asynccontextmanager
async def stack_on(
    *transports: str, on_request: Callable[[Incoming], None] | None = None, **settings: Any
) -> AsyncIterator[tuple[SipStack, int]]:
    stack = SipStack(user_agent="node/1", on_request=on_request or (lambda incoming: incoming.respond(200)), **settings)
    try:
        yield stack, await stack.listen_on_one_number(transports or ("UDP",), "127.0.0.1", 0)
    finally:
        await stack.close()


async def until(reached: Callable[[], object]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(5):
        while not reached():
            await asyncio.sleep(0.001)


def theirs(method: str, port: int, *, branch: str = "z9hG4bKx1", call: str = "c1", body: str = "") -> bytes:
    return (
        f"{method} sip:34020000002000000001@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch={branch}\r\n"
        "From: <sip:34020000001180000001@3402000000>;tag=far\r\nTo: <sip:34020000002000000001@3402000000>\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 {method}\r\nContact: <sip:34020000001180000001@127.0.0.1:{port}>\r\n"
        f"Max-Forwards: 70\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def tagged(request: bytes, tag: str) -> bytes:
    """The request with the To tag we gave."""
    return request.replace(b"2000000001@3402000000>\r\nCall", f"2000000001@3402000000>;tag={tag}\r\nCall".encode())


def ours(method: str) -> Request:
    message = parse_message(
        f"{method} sip:34020000001320000001@127.0.0.1 SIP/2.0\r\nFrom: <sip:34020000002000000001@3402000000>;tag=us\r\n"
        f"To: <sip:34020000001320000001@3402000000>\r\nCall-ID: ours-{method}\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:34020000002000000001@127.0.0.1>\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def reply(sent: bytes, status: int, *, tag: str = "dev", port: int = 9) -> bytes:
    lines = [
        line + f";tag={tag}".encode() if line.startswith(b"To:") and b";tag=" not in line and status > 100 else line
        for line in sent.split(b"\r\n")
        if line.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    ]
    contact = f"Contact: <sip:cam@127.0.0.1:{port}>".encode()
    return b"\r\n".join([f"SIP/2.0 {status} Whatever".encode(), *lines, contact, b"Content-Length: 0", b"", b""])


# UDP server


async def test_a_message_is_answered_to_the_port_it_came_from_and_delivered_once() -> None:
    seen: list[Incoming] = []

    def on_request(incoming: Incoming) -> None:
        seen.append(incoming)
        incoming.respond(200, headers=[("X-GB-Ver", "3.0")], body=b"<Response/>")

    async with far_end() as far, stack_on(on_request=on_request) as (stack, port):
        for _ in range(3):
            far.send(theirs("MESSAGE", far.port, body="<Notify/>"), port)
        answers = [await far.receive() for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        tag = seen[0].local_tag
        expected = (
            "SIP/2.0 200 OK\r\n"
            f"Via: SIP/2.0/UDP 10.0.0.5:5060;rport={far.port};branch=z9hG4bKx1;received=127.0.0.1\r\n"
            "From: <sip:34020000001180000001@3402000000>;tag=far\r\n"
            f"To: <sip:34020000002000000001@3402000000>;tag={tag}\r\n"
            "Call-ID: c1\r\nCSeq: 1 MESSAGE\r\nX-GB-Ver: 3.0\r\nServer: node/1\r\nContent-Length: 11\r\n\r\n"
            "<Response/>"
        )
        assert answers[0] == expected.encode()
        assert len(seen) == 1
        assert (seen[0].source, seen[0].local) == (far.peer, ("127.0.0.1", port))
        assert seen[0].request.body == b"<Notify/>"
        assert seen[0].answered
        assert stack.counters.requests_absorbed == 2


async def test_a_handler_that_fails_is_answered_500_and_the_next_request_is_served() -> None:
    def on_request(incoming: Incoming) -> None:
        if incoming.request.call_id == "bad":
            raise KeyError("bug")
        incoming.respond(200)

    async with far_end() as far, stack_on(on_request=on_request) as (stack, port):
        far.send(theirs("MESSAGE", far.port, call="bad"), port)
        assert (await far.receive()).startswith(b"SIP/2.0 500 ")
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 200 ")
        assert stack.counters.handler_failures == 1


async def test_a_peers_fault_found_by_the_handler_is_answered_with_its_status() -> None:
    def on_request(incoming: Incoming) -> None:
        raise ParseError("XML", "no root element", status=415)

    async with far_end() as far, stack_on(on_request=on_request) as (stack, port):
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 415 XML no root element\r\n")
        assert stack.counters.handler_failures == 0


async def test_junk_does_not_disturb_the_stack() -> None:
    async with far_end() as far, stack_on() as (stack, port):
        for junk in (b"\x00" * 4, b"\xff\xfe\x00junk", b"GET / HTTP/1.1\r\n\r\n", b"\r\n\r\n"):
            far.send(junk, port)
        far.send(theirs("MESSAGE", far.port).replace(b"CSeq: 1", b"CSeq: one"), port)
        assert (await far.receive()).startswith(b"SIP/2.0 400 Bad Request (CSeq: ")
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 200 ")
        assert stack.counters.malformed == 3
        assert stack.counters.keepalives == 2


async def test_what_comes_from_a_strangers_address_is_told_in_the_log_and_changes_nothing() -> None:
    async with far_end() as far, far_end() as stranger, stack_on() as (stack, port):
        with structlog.testing.capture_logs() as lines:
            asking = asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer))
            sent = await far.receive()
            stranger.send(reply(sent, 403), port)
            await until(lambda: stack.counters.foreign_responses)
            assert not asking.done()
            far.send(reply(sent, 200), port)
            assert (await asking).status == 200
        (told,) = [line for line in lines if line["event"] == "message from another address dropped"]
        assert told["peer"] == f"udp:127.0.0.1:{stranger.port}"
        assert (told["what"], told["belongs_to"]) == ("403", str(far.peer))


@pytest.mark.parametrize("tolerated", [False, True])
async def test_an_answer_from_a_peers_other_network_card_is_taken_where_that_is_tolerated(tolerated: bool) -> None:
    def policy(asked: Peer, source: Peer) -> bool:
        return tolerated and source.host == "127.0.0.2"

    async with far_end() as far, stack_on(answer_from_elsewhere=policy, timings=QUICK) as (stack, port):
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer))
        answer = reply(await far.receive(), 200)
        with structlog.testing.capture_logs() as logs, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
            card.bind(("127.0.0.2", 0))
            for _ in range(2):
                card.sendto(answer, ("127.0.0.1", port))
            await until(lambda: stack.counters.answers_from_elsewhere + stack.counters.foreign_responses == 2)
        texts = [line["event"] for line in logs]
        if tolerated:
            assert texts == ["answered from another address"]
        else:
            assert texts == ["message from another address dropped"] * 2
            far.send(answer, port)
        assert (await asking).status == 200


async def test_an_ipv6_peer_is_known_however_its_address_is_written() -> None:
    async with stack_on() as (stack, _):
        await stack.listen("UDP", "::1", 0)
        far = await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("::1", 0))
        port = far[0].get_extra_info("sockname")[1]
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), Peer("UDP", "0:0::0:1", port), timeout_s=0.05))
        with pytest.raises(TransactionTimeout) as failed:
            await asking
        assert str(failed.value.peer) == f"udp:[::1]:{port}"
        far[0].close()


async def test_an_answer_may_come_later() -> None:
    waiting: list[Incoming] = []
    async with far_end() as far, stack_on(on_request=waiting.append) as (_, port):
        far.send(theirs("MESSAGE", far.port), port)
        await until(lambda: waiting)
        waiting[0].respond(182, "Queued")
        assert (await far.receive()).startswith(b"SIP/2.0 182 Queued\r\n")
        waiting[0].respond(200, to_tag="chosen")
        assert b";tag=chosen\r\n" in await far.receive()
        waiting[0].respond(500)
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 200 ")


async def test_a_status_that_does_not_exist_is_our_mistake() -> None:
    waiting: list[Incoming] = []
    async with far_end() as far, stack_on(on_request=waiting.append) as (_, port):
        far.send(theirs("MESSAGE", far.port), port)
        await until(lambda: waiting)
        with pytest.raises(LocalError):
            waiting[0].respond(99)
        waiting[0].respond(200)


async def test_a_request_our_application_forgets_is_answered_500() -> None:
    async with far_end() as far, stack_on(on_request=lambda incoming: None, timings=QUICK) as (stack, port):
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 500 No Answer")
        assert stack.counters.not_answered == 1


# INVITE as server


async def test_a_200_to_invite_is_repeated_until_the_ack_arrives() -> None:
    calls: list[Incoming] = []
    async with far_end() as far, stack_on(on_request=calls.append, timings=QUICK) as (_, port):
        far.send(theirs("INVITE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 100 Trying\r\n")
        calls[0].respond(200, headers=[("Contact", "<sip:me@127.0.0.1>")])
        first = await far.receive()
        assert await far.receive() == first
        assert await far.receive() == first
        far.send(tagged(theirs("ACK", far.port, branch="z9hG4bKown"), calls[0].local_tag), port)
        ack = await calls[0].acked(5.0)
        assert ack.cseq == (1, "ACK")
        assert await calls[0].acked(5.0) is ack


async def test_a_200_that_is_never_acknowledged_ends_in_ack_timeout() -> None:
    calls: list[Incoming] = []
    async with far_end() as far, stack_on(on_request=calls.append, timings=QUICK) as (stack, port):
        far.send(theirs("INVITE", far.port), port)
        await far.receive_starting("SIP/2.0 100 ")
        calls[0].respond(200)
        with pytest.raises(AckTimeout) as caught:
            await calls[0].acked(30.0)
        assert caught.value.waited_s == QUICK.transaction_limit
        assert caught.value.call_id == "c1"
        assert stack.counters.ack_missing == 1


async def test_waiting_for_an_ack_can_be_shorter_than_the_stack_waits() -> None:
    calls: list[Incoming] = []
    async with far_end() as far, stack_on(on_request=calls.append) as (_, port):
        far.send(theirs("INVITE", far.port), port)
        await far.receive_starting("SIP/2.0 100 ")
        calls[0].respond(200)
        with pytest.raises(AckTimeout):
            await calls[0].acked(0.01)


async def test_a_cancelled_invite_is_told_to_the_application() -> None:
    calls: list[Incoming] = []
    async with far_end() as far, stack_on(on_request=calls.append) as (_, port):
        far.send(theirs("INVITE", far.port), port)
        await far.receive_starting("SIP/2.0 100 ")
        assert not calls[0].cancelled.is_set()
        far.send(theirs("CANCEL", far.port), port)
        assert b"CSeq: 1 CANCEL" in await far.receive_starting("SIP/2.0 200 ")
        await far.receive_starting("SIP/2.0 487 ")
        async with asyncio.timeout(5):
            await calls[0].cancelled.wait()
        assert calls[0].answered
        calls[0].respond(200)
        far.send(theirs("ACK", far.port), port)


# UDP client


async def test_an_answer_after_three_lost_datagrams_is_the_answer() -> None:
    async with far_end() as far, stack_on(timings=QUICK) as (stack, port):
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer))
        first = await far.receive()
        assert await far.receive() == first
        assert await far.receive() == first
        assert re.search(rb"Via: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK\w{16}\r\n" % port, first)
        assert b"User-Agent: node/1\r\n" in first
        far.send(reply(await far.receive(), 200), port)
        answer = await asking
        assert (answer.status, answer.to.tag) == (200, "dev")
        assert stack.counters.retransmissions_sent == 3


async def test_an_unanswered_request_times_out_and_says_what_it_was() -> None:
    async with far_end() as far, stack_on(timings=QUICK) as (stack, port):
        with pytest.raises(TransactionTimeout) as caught:
            await stack.ask(ours("MESSAGE"), far.peer)
        error = caught.value
        assert (error.peer, error.method, error.call_id) == (f"udp:127.0.0.1:{far.port}", "MESSAGE", "ours-MESSAGE")
        assert error.waited_s >= QUICK.transaction_limit
        assert not error.provisional


async def test_the_caller_may_wait_less_and_the_request_is_then_not_repeated() -> None:
    async with far_end() as far, stack_on(timings=Timings(t1=0.05)) as (stack, port):
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer, timeout_s=0.02))
        sent = await far.receive()
        far.send(reply(sent, 100), port)
        with pytest.raises(TransactionTimeout) as caught:
            await asking
        assert caught.value.waited_s < 0.3
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.15):
                await asyncio.get_running_loop().sock_recv(far.socket, 65_535)


async def test_an_icmp_error_does_not_kill_the_socket() -> None:
    async with far_end() as far, stack_on(timings=QUICK) as (stack, port):
        closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]
        closed.close()
        with pytest.raises(TransactionTimeout):
            await stack.ask(ours("MESSAGE"), Peer("UDP", "127.0.0.1", nobody), timeout_s=0.2)
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 200 ")


async def test_what_the_kernel_refuses_to_send_fails_at_once() -> None:
    async with stack_on() as (stack, _):
        request = ours("MESSAGE")
        request.body = b"x" * 70_000
        with pytest.raises(TransportFailed) as caught:
            await stack.ask(request, Peer("UDP", "127.0.0.1", 9))
        assert caught.value.method == "MESSAGE"


async def test_what_is_no_question_is_our_mistake() -> None:
    async with stack_on() as (stack, port):
        peer = Peer("UDP", "127.0.0.1", port)
        for method in ("INVITE", "ACK", "CANCEL"):
            with pytest.raises(LocalError):
                await stack.ask(ours(method), peer)
        with pytest.raises(LocalError):
            stack.invite(ours("MESSAGE"), peer)
        with pytest.raises(LocalError):
            await stack.ask(ours("MESSAGE"), Peer("UDP", "localhost", port))
        with pytest.raises(LocalError):
            await stack.listen("SCTP", "127.0.0.1", 0)


async def test_a_name_is_resolved_on_request() -> None:
    async with stack_on() as (stack, _):
        assert (await stack.resolve("UDP", "127.0.0.1", 5060)) == Peer("UDP", "127.0.0.1", 5060)
        with pytest.raises(TransportFailed):
            await stack.resolve("UDP", "no-such-name.invalid", 5060)


# INVITE as client


async def test_an_accepted_invite_is_acknowledged_again_for_each_repeated_200() -> None:
    async with far_end() as far, stack_on() as (stack, port):
        outgoing = stack.invite(ours("INVITE"), far.peer)
        sent = await far.receive()
        heard: list[int] = []
        far.send(reply(sent, 100), port)
        far.send(reply(sent, 183, tag="early"), port)
        far.send(reply(sent, 200, port=far.port), port)
        answer = await outgoing.final(5.0, lambda provisional: heard.append(provisional.status))
        assert heard == [100, 183]
        dialog = Dialog.from_client(ours("INVITE"), answer)
        outgoing.ack(dialog, b"v=0\r\n")
        ack = await far.receive()
        assert ack.startswith(f"ACK sip:cam@127.0.0.1:{far.port} SIP/2.0\r\n".encode())
        assert b"CSeq: 1 ACK\r\n" in ack
        assert b"Content-Type: application/sdp\r\n" in ack
        assert b";tag=dev\r\n" in ack
        far.send(reply(sent, 200, port=far.port), port)
        assert await far.receive() == ack
        assert await outgoing.final(1.0) is answer


async def test_provisional_answers_before_anybody_waits_are_not_lost() -> None:
    async with far_end() as far, stack_on() as (stack, port):
        outgoing = stack.invite(ours("INVITE"), far.peer)
        sent = await far.receive()
        far.send(reply(sent, 180), port)
        far.send(reply(sent, 486), port)
        assert (await far.receive()).startswith(b"ACK ")
        heard: list[int] = []
        assert (await outgoing.final(1.0, lambda provisional: heard.append(provisional.status))).status == 486
        assert heard == [180]


async def test_an_invite_nobody_answers_times_out() -> None:
    async with far_end() as far, stack_on(timings=QUICK) as (stack, port):
        with pytest.raises(TransactionTimeout) as caught:
            await stack.invite(ours("INVITE"), far.peer).final(30.0)
        assert caught.value.method == "INVITE"
        assert not caught.value.provisional


async def test_an_invite_that_takes_too_long_is_cancelled_by_itself() -> None:
    async with far_end() as far, stack_on() as (stack, port):
        outgoing = stack.invite(ours("INVITE"), far.peer)
        sent = await far.receive()
        far.send(reply(sent, 100), port)
        with pytest.raises(TransactionTimeout) as caught:
            await outgoing.final(0.05)
        assert caught.value.provisional
        cancel = await far.receive_starting("CANCEL ")
        far.send(reply(cancel, 200), port)
        far.send(reply(sent, 487), port)
        await far.receive_starting("ACK ")
        with pytest.raises(TransactionTimeout):
            await outgoing.final(0.05)


async def test_a_200_after_the_cancel_is_ended_with_bye_and_the_caller_sees_487() -> None:
    async with far_end() as far, stack_on() as (stack, port):
        outgoing = stack.invite(ours("INVITE"), far.peer)
        sent = await far.receive()
        far.send(reply(sent, 100), port)
        waiting = asyncio.create_task(outgoing.final(5.0))
        await until(lambda: stack.counters.responses_received)
        outgoing.cancel()
        await far.receive_starting("CANCEL ")
        far.send(reply(sent, 200, port=far.port), port)
        await far.receive_starting("ACK ")
        bye = await far.receive_starting("BYE ")
        far.send(reply(bye, 200), port)
        assert (await waiting).status == 487
        assert outgoing.late_answer is not None
        assert outgoing.late_answer.status == 200
        assert stack.counters.late_answers == 1


async def test_a_waiting_task_that_is_cancelled_gives_the_invite_up() -> None:
    async with far_end() as far, stack_on() as (stack, port):
        outgoing = stack.invite(ours("INVITE"), far.peer)
        sent = await far.receive()
        waiting = asyncio.create_task(outgoing.final(5.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        far.send(reply(sent, 180), port)
        assert (await far.receive_starting("CANCEL ")).startswith(b"CANCEL ")


async def test_a_callback_that_fails_does_not_lose_the_final_answer() -> None:
    def broken(provisional: object) -> None:
        raise ValueError("bug")

    async with far_end() as far, stack_on() as (stack, port):
        outgoing = stack.invite(ours("INVITE"), far.peer)
        sent = await far.receive()
        waiting = asyncio.create_task(outgoing.final(5.0, broken))
        await asyncio.sleep(0)
        far.send(reply(sent, 180), port)
        far.send(reply(sent, 404), port)
        assert (await waiting).status == 404
        assert stack.counters.handler_failures == 1


# TCP


async def test_tcp_and_udp_share_a_port_and_a_tcp_answer_comes_on_its_connection() -> None:
    seen: list[Incoming] = []

    def on_request(incoming: Incoming) -> None:
        seen.append(incoming)
        incoming.respond(200)

    async with stack_on("UDP", "TCP", on_request=on_request) as (stack, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ask = theirs("MESSAGE", 5060).replace(b"/UDP", b"/TCP")
        writer.write(b"\r\n\r\n" + ask + ask.replace(b"c1", b"c2")[:50])
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(ask.replace(b"c1", b"c2")[50:])
        second = await reader.readuntil(b"\r\n\r\n")
        assert b"Call-ID: c1\r\n" in first
        assert b"Call-ID: c2\r\n" in second
        own_port = writer.get_extra_info("sockname")[1]
        assert b";rport=%d;" % own_port in first
        assert (seen[0].source.transport, seen[0].source.port) == ("TCP", own_port)
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), seen[0].source))
        sent = await reader.readuntil(b"\r\n\r\n")
        assert b"Via: SIP/2.0/TCP 127.0.0.1:%d;rport;" % port in sent
        writer.write(reply(sent, 200))
        assert (await asking).status == 200
        assert stack.counters.connections_accepted == 1
        writer.close()
        await writer.wait_closed()


async def test_a_tcp_request_opens_a_connection_and_the_next_one_uses_it_again() -> None:
    served: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                served.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            writer.write(reply(served[-1], 200))
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, stack_on("TCP") as (stack, _):
        peer = Peer("TCP", "127.0.0.1", server.sockets[0].getsockname()[1])
        answers = await asyncio.gather(*(stack.ask(ours(method), peer) for method in ("MESSAGE", "OPTIONS")))
        assert [answer.status for answer in answers] == [200, 200]
        assert (await stack.ask(ours("INFO"), peer)).status == 200
        assert len(served) == 3
        assert stack.counters.connections_opened == 1
        await stack.close()
        await ended.wait()


async def test_a_peer_that_does_not_listen_is_reported_at_once() -> None:
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    async with stack_on("TCP") as (stack, _):
        with pytest.raises(TransportFailed) as caught:
            await stack.ask(ours("MESSAGE"), Peer("TCP", "127.0.0.1", port))
        assert "no TCP connection" in caught.value.what
        assert stack.counters.connections_lost == 0


async def test_a_connection_that_breaks_fails_its_requests_and_is_told_to_the_application() -> None:
    lost: list[Peer] = []
    reasons: list[str] = []
    seen: list[Incoming] = []
    async with stack_on("TCP", on_request=seen.append) as (stack, port):
        stack.on_connection_lost = lambda peer, reason: lost.append(peer) or reasons.append(reason)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(theirs("MESSAGE", 5060))
        await until(lambda: seen)
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), seen[0].source))
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        with pytest.raises(TransportFailed):
            await asking
        assert lost == [seen[0].source] and all(reasons)
        seen[0].respond(200)
        assert stack.counters.transport_failures == 1


async def test_a_failing_connection_callback_is_survived() -> None:
    def broken(peer: Peer, reason: str) -> None:
        raise ValueError("bug")

    async with stack_on("TCP") as (stack, port):
        stack.on_connection_lost = broken
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        await until(lambda: stack.counters.handler_failures)


# addresses, wire, end


async def test_the_advertised_host_stands_in_the_via_and_is_told() -> None:
    stack = SipStack(user_agent="node/1", on_request=lambda incoming: None)
    try:
        port = await stack.listen_on_one_number(("UDP", "TCP"), "127.0.0.1", 0, advertised_host="203.0.113.9")
        for transport in ("UDP", "TCP"):
            assert stack.local_address(Peer(transport, "127.0.0.1", 9)) == ("203.0.113.9", port)
    finally:
        await stack.close()


async def test_a_number_held_by_somebody_else_is_given_back_whole() -> None:
    stack = SipStack(user_agent="node/1", on_request=lambda incoming: None)
    try:
        for taken, transports in ((socket.SOCK_STREAM, ("UDP", "TCP")), (socket.SOCK_DGRAM, ("TCP", "UDP"))):
            with socket.socket(socket.AF_INET, taken) as holder:
                holder.bind(("127.0.0.1", 0))
                number = holder.getsockname()[1]
                with pytest.raises(OSError, match="in use"):
                    await stack.listen_on_one_number(transports, "127.0.0.1", number)
            assert await stack.listen_on_one_number(transports, "127.0.0.1", number) == number
    finally:
        await stack.close()


async def test_a_number_that_one_transport_lacks_is_exchanged_for_another() -> None:
    stack = SipStack(user_agent="node/1", on_request=lambda incoming: None)
    holders: list[socket.socket] = []
    listen, refused = stack.listen, []

    async def hold_first(transport: str, host: str, port: int, **more: Any) -> int:
        if transport == "TCP" and not holders:
            holders.append(socket.create_server((host, port)))
            refused.append(port)
        return await listen(transport, host, port, **more)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stack, "listen", hold_first)
            number = await stack.listen_on_one_number(("UDP", "TCP"), "127.0.0.1", 0)
        assert [number] != refused
        assert stack.local_address(Peer("UDP", "127.0.0.1", 9)) == ("127.0.0.1", number)
        assert stack.local_address(Peer("TCP", "127.0.0.1", 9)) == ("127.0.0.1", number)
    finally:
        for holder in holders:
            holder.close()
        await stack.close()


async def test_a_wildcard_listener_shows_the_address_of_the_route() -> None:
    stack = SipStack(user_agent="node/1", on_request=lambda incoming: None)
    try:
        port = await stack.listen_on_one_number(("UDP", "TCP"), "0.0.0.0", 0)
        for transport in ("UDP", "TCP"):
            assert stack.local_address(Peer(transport, "127.0.0.1", 9)) == ("127.0.0.1", port)
    finally:
        await stack.close()


async def test_without_a_listener_there_is_no_udp_and_tcp_shows_the_usual_port() -> None:
    stack = SipStack(user_agent="node/1", on_request=lambda incoming: None)
    try:
        with pytest.raises(LocalError):
            stack.local_address(Peer("UDP", "127.0.0.1", 9))
        assert stack.local_address(Peer("TCP", "127.0.0.1", 9)) == ("127.0.0.1", 5060)
    finally:
        await stack.close()


async def test_with_several_listeners_a_peer_is_asked_from_the_address_it_came_to() -> None:
    async with far_end() as far, stack_on() as (stack, first):
        second = await stack.listen("UDP", "127.0.0.2", 0)
        assert stack.local_address(far.peer) == ("127.0.0.1", first)
        far.socket.sendto(theirs("MESSAGE", far.port), ("127.0.0.2", second))
        assert (await far.receive()).startswith(b"SIP/2.0 200 ")
        assert stack.local_address(far.peer) == ("127.0.0.2", second)


async def test_everything_on_the_wire_is_shown_to_whoever_captures() -> None:
    wire: list[WireEvent] = []
    async with far_end() as far, stack_on(on_wire=wire.append) as (_, port):
        ask = theirs("MESSAGE", far.port)
        far.send(ask, port)
        answer = await far.receive()
        assert [(event.direction, event.peer, event.local, event.data) for event in wire] == [
            ("<", far.peer, ("127.0.0.1", port), ask),
            (">", far.peer, ("127.0.0.1", port), answer),
        ]
        assert wire[1].at >= wire[0].at > 1_600_000_000


async def test_a_failing_capture_is_survived() -> None:
    def broken(event: WireEvent) -> None:
        raise OSError("disk full")

    async with far_end() as far, stack_on(on_wire=broken) as (stack, port):
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 200 ")
        assert stack.counters.handler_failures == 2


async def test_closing_fails_what_is_under_way() -> None:
    async with far_end() as far, stack_on("UDP", "TCP") as (stack, port):
        asking = asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer))
        outgoing = stack.invite(ours("INVITE"), far.peer)
        await far.receive()
        await stack.close()
        with pytest.raises(TransportFailed):
            await asking
        with pytest.raises(TransportFailed):
            await outgoing.final(1.0)
        with pytest.raises(TransportFailed):
            await stack.ask(ours("MESSAGE"), far.peer)


async def test_limits_reach_the_endpoint() -> None:
    async with far_end() as far, stack_on(limits=Limits(max_pending_per_source=0)) as (stack, port):
        far.send(theirs("MESSAGE", far.port), port)
        assert (await far.receive()).startswith(b"SIP/2.0 503 ")
        assert stack.counters.as_dict()["overloaded"] == 1


def test_a_timer_that_is_due_at_once_stops_nothing_on_uvloop() -> None:
    clock = [0.0]

    async def ask_late() -> list[BaseException | object]:
        async with far_end() as far, stack_on(clock=lambda: clock[0]) as (stack, _port):
            asking = [asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer, timeout_s=0.2))]
            await far.receive()
            clock[0] = 100.0  # the first retransmission is overdue now: its timer runs in this turn of the loop
            asking += [asyncio.create_task(stack.ask(ours("MESSAGE"), far.peer, timeout_s=0.2)) for _ in range(2)]
            return await asyncio.gather(*asking, return_exceptions=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcomes = runner.run(ask_late())
    assert [type(outcome) for outcome in outcomes] == [TransactionTimeout] * 3
