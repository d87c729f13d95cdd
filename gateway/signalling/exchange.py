"""Questions to peers and their answers: a MANSCDP query is one MESSAGE, its answer another one with the same SN.

Correlation is (peer, CmdType, SN) (GB/T 28181-2022 A.1). Whatever answers a question is an async queue of parsed
messages, so that a question with one answer and one with ten thousand are asked the same way.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gateway.signalling.requests import MANSCDP, Party, request_to
from sip import RemoteError, Request, Response
from sip.aio import Peer, SipStack
from sip.manscdp import Command, Edition, dumps

MAX_ANSWERS_WAITING = 20_000
MAX_QUESTIONS = 10_000
MAX_DATAGRAM = 1300
STAMPED_HEADERS = 140
"""Bytes kept for what the stack adds: the Via with its branch, the User-Agent, a longer Content-Length."""


class QuestionRefused(Exception):
    """The MESSAGE itself was answered with an error; `status` is its code."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A peer to talk MANSCDP with: where it is and how it writes."""

    id: str
    peer: Peer
    charset: str
    edition: Edition
    domain: str = ""
    own_id: str = ""


@dataclass(slots=True)
class Question:
    """An open question; `answers` fills as they come in. None among them says that something else happened to it."""

    key: tuple[str, str, int]
    sn: int
    answers: asyncio.Queue[Command | None] = field(default_factory=lambda: asyncio.Queue(MAX_ANSWERS_WAITING))
    overflowed: int = 0


class Exchange:
    """Sends MANSCDP messages and matches answers to open questions."""

    def __init__(self, stack: SipStack, me: Party, *, answer_s: float = 8.0) -> None:
        """`answer_s`: seconds the SIP answer to a MESSAGE is waited for."""
        self._stack = stack
        self._answer_s = answer_s
        self._me = me
        # Not from 1 again after a restart: late answers to questions of before must not match. Small, because some
        # devices keep only 16 bits of it.
        self._sn = itertools.count(1 + secrets.randbelow(30_000))
        self._open: dict[tuple[str, str, int], Question] = {}

    @property
    def own_id(self) -> str:
        """The code of this node."""
        return self._me.id

    def next_sn(self) -> int:
        return next(self._sn)

    @asynccontextmanager
    async def question(self, peer_id: str, cmd_type: str) -> AsyncIterator[Question]:
        """An open question for the time of the block; late answers after it are nobody's."""
        if len(self._open) >= MAX_QUESTIONS:
            raise QuestionRefused(503, "too many open questions")
        sn = self.next_sn()
        question = Question((peer_id, cmd_type, sn), sn)
        self._open[question.key] = question
        try:
            yield question
        finally:
            del self._open[question.key]

    def answered(self, peer_id: str, cmd_type: str, message: Command) -> bool:
        """Hand an answer to its question; False when nobody asked (it is answered 200 and dropped)."""
        question = self._open.get((peer_id, cmd_type, message.sn))
        if question is None:
            return False
        if question.answers.full():
            question.overflowed += 1
            return True
        question.answers.put_nowait(message)
        return True

    async def tell(self, to: Correspondent, message: Command, *, target: str = "") -> Response:
        """Send one MANSCDP message; raises RemoteError (no answer) or QuestionRefused (answered with an error)."""
        response = await self.send(to, dumps(message, charset=to.charset, edition=to.edition), target)
        if response.status >= 300:
            raise QuestionRefused(response.status, response.reason)
        return response

    async def send(self, to: Correspondent, body: bytes, target: str = "") -> Response:
        """Send one body and return the final response, whatever it is."""
        return await self._stack.ask(self._message(to, body, target), to.peer, timeout_s=self._answer_s)

    def body_room(self, to: Correspondent) -> int | None:
        """How many bytes of body a MESSAGE to this peer may carry so that a datagram stays whole on its way (RFC 3261
        18.1.1: 1300 bytes); None over TCP, where it does not matter."""
        if to.peer.transport == "TCP":
            return None
        return MAX_DATAGRAM - STAMPED_HEADERS - len(self._message(to, b"", "").to_bytes())

    def _message(self, to: Correspondent, body: bytes, target: str) -> Request:
        return request_to(
            "MESSAGE",
            me=Party(to.own_id) if to.own_id else self._me,
            target=Party(target or to.id, to.domain),
            peer=to.peer,
            local=self._stack.local_address(to.peer),
            body=body,
            content_type=MANSCDP,
        )


__all__ = ["Correspondent", "Exchange", "Question", "QuestionRefused", "RemoteError"]
