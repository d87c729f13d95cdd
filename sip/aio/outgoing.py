"""An INVITE of ours under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from sip.dialog import Dialog
from sip.errors import RemoteError, TransactionTimeout
from sip.message import Response, response_to
from sip.transaction.client import ClientTransaction, InviteClient

if TYPE_CHECKING:
    from sip.aio.stack import SipStack

OnProvisional = Callable[[Response], None]


class OutgoingInvite:
    """What became of an INVITE.

    late_answer  the 2xx that came after the INVITE was given up; the stack acknowledged it and sent BYE
    """

    def __init__(self, stack: SipStack, transaction: InviteClient) -> None:
        self._stack = stack
        self._transaction = transaction
        self._final: Response | None = None
        self._failure: RemoteError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._on_provisional: OnProvisional | None = None
        self._provisional: list[Response] = []
        self.late_answer: Response | None = None

    async def final(self, timeout_s: float, on_provisional: OnProvisional | None = None) -> Response:
        """The final answer. A 2xx has then to be acknowledged with `ack`; others are acknowledged already.

        TransactionTimeout, TransportFailed: there was none. After `timeout_s`, and when the waiting task is cancelled,
        the INVITE is given up as by `cancel`. An INVITE given up by `cancel` ends with the peer's 487, or with a 487
        made here when a 2xx crossed the CANCEL (see late_answer): never with a 2xx.
        """
        self._on_provisional = on_provisional
        early, self._provisional = self._provisional, []
        for response in early:
            self._report(response)
        if self._final is None and self._failure is None:
            await self._wait(timeout_s)
        if self._final is not None:
            return self._final
        assert self._failure is not None
        raise self._failure

    async def _wait(self, timeout_s: float) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._waiter
        except TimeoutError:
            if self._final is None and self._failure is None:
                self._failure = self.timeout(self._stack.now() - self._transaction.started_at)
            self.cancel()
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            self._waiter = None

    def ack(self, dialog: Dialog, body: bytes = b"") -> None:
        """Acknowledge the 2xx; the stack repeats the ACK for each repetition of that 2xx."""
        headers = [("Content-Type", "application/sdp")] if body else []
        ack = dialog.request("ACK", cseq=self._transaction.request.cseq[0], headers=headers, body=body)
        self._stack.acknowledge(self._transaction, ack)

    def cancel(self) -> None:
        """Give the INVITE up: CANCEL as soon as a provisional answer is there, ACK and BYE for a 2xx that comes anyway.
        Nothing happens after a final answer."""
        self._stack.give_up(self._transaction)

    # from the stack

    def response_arrived(self, response: Response) -> None:
        """A provisional or the final answer."""
        if response.status < 200:
            if self._on_provisional is None:
                self._provisional = [*self._provisional[-7:], response]
            self._report(response)
        elif self._final is None and self._failure is None:
            if self._transaction.abandoned and response.status < 300:
                response = response_to(self._transaction.request, 487)
            self._final = response
            self._wake()

    def failed(self, failure: RemoteError) -> None:
        """There will be no final answer."""
        if self._final is None and self._failure is None:
            self._failure = failure
            self._wake()

    def timeout(self, waited_s: float) -> TransactionTimeout:
        """The error for having waited that long."""
        return timeout_of(self._transaction, waited_s)

    def _report(self, response: Response) -> None:
        if self._on_provisional is not None:
            self._on_provisional(response)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def timeout_of(transaction: ClientTransaction, waited_s: float) -> TransactionTimeout:
    """The error for a request that got no final answer."""
    return TransactionTimeout(
        str(transaction.peer),
        "a provisional answer, then nothing" if transaction.provisional else "no answer",
        peer=str(transaction.peer),
        method=transaction.request.method,
        call_id=transaction.request.call_id,
        waited_s=waited_s,
        provisional=transaction.provisional,
    )
