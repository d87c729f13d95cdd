"""A request as the application sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sip.errors import AckTimeout, LocalError
from sip.message import Request, response_to
from sip.peer import Peer
from sip.transaction.server import ServerTransaction

if TYPE_CHECKING:
    from sip.aio.stack import SipStack


class Incoming:
    """A request of a peer, delivered once; its repetitions are absorbed below.

    source        where it came from, and where the answers go
    local         our address it came to
    received_at   on the stack's clock
    """

    __slots__ = (
        "_ack",
        "_ack_missing",
        "_cancelled",
        "_stack",
        "_transaction",
        "_waiter",
        "local",
        "received_at",
        "request",
        "source",
    )

    def __init__(self, stack: SipStack, transaction: ServerTransaction, request: Request, received_at: float) -> None:
        self._stack = stack
        self._transaction = transaction
        self._cancelled: asyncio.Event | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ack: Request | None = None
        self._ack_missing: float | None = None
        self.request = request
        self.source: Peer = transaction.peer
        self.local = transaction.local
        self.received_at = received_at

    @property
    def local_tag(self) -> str:
        """The To tag of our answers: the one in the request, else a random one, the same in every answer."""
        return self._transaction.local_tag

    @property
    def answered(self) -> bool:
        """A final answer was given, by the application or by the stack (487 after CANCEL, 500 after too long)."""
        return not self._transaction.pending

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the peer took its INVITE back; CANCEL and INVITE are answered already."""
        if self._cancelled is None:
            self._cancelled = asyncio.Event()
        return self._cancelled

    def respond(
        self,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        to_tag: str | None = None,
    ) -> None:
        """Answer: any number of provisional answers, then one final. What comes after the final answer is ignored: a
        CANCEL may have been quicker than the application.

        A 2xx to INVITE is repeated until its ACK arrives. Content-Type belongs to `headers`.
        """
        if not 100 <= status <= 699:
            raise LocalError(f"no such status: {status}")
        if to_tag is not None:
            self._transaction.tag = to_tag
        tag = self.local_tag if status > 100 else None
        response = response_to(self.request, status, reason, to_tag=tag, headers=headers, body=body)
        self._stack.answer(self._transaction, response)

    async def acked(self, timeout_s: float) -> Request:
        """The ACK of our 2xx to this INVITE; AckTimeout when it does not come, after `timeout_s` or 64*T1."""
        if self._ack is None and self._ack_missing is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._waiter
            except TimeoutError:
                self._ack_missing = timeout_s
            finally:
                self._waiter = None
        if self._ack is None:
            raise AckTimeout(
                "ACK",
                "did not come",
                peer=str(self.source),
                method="INVITE",
                call_id=self.request.call_id,
                waited_s=self._ack_missing or timeout_s,
            )
        return self._ack

    def ack_arrived(self, ack: Request) -> None:
        """From the stack: the ACK."""
        self._ack = ack
        self._wake()

    def ack_missing(self, waited_s: float) -> None:
        """From the stack: there will be no ACK."""
        self._ack_missing = waited_s
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
