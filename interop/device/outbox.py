"""Requests a simulated device sends outside calls: its identity in headers, MESSAGEs, and pages that fit a datagram."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from interop.device.settings import DeviceSettings
from sip import Headers, NameAddr, Request, Response, Uri
from sip.aio import Peer, SipStack
from sip.manscdp import CatalogItem, CatalogResponse, Command, dumps

MANSCDP = "Application/MANSCDP+xml"
MAX_DATAGRAM = 1300
"""Bytes of one MESSAGE over UDP: RFC 3261 18.1.1 wants anything nearer to the path MTU on TCP."""
MAX_STREAMED_ITEMS = 50
_ADDED_BY_THE_STACK = 180
"""Bytes the stack adds to a request: Via with rport and branch, User-Agent, Content-Length."""


class Outbox:
    """Speaks for one device to its platform."""

    def __init__(self, settings: DeviceSettings, stack: SipStack) -> None:
        self.server = Peer(settings.transport, settings.server_host, settings.server_port)
        self.contact_address = (settings.host, settings.port)
        self._settings = settings
        self._stack = stack
        self._me = NameAddr(Uri("sip", settings.id, settings.server_id[:10]))
        self._sn = 0

    def next_sn(self) -> int:
        """A fresh SN (命令序列号)."""
        self._sn += 1
        return self._sn

    def contact(self, user: str = "") -> str:
        """A Contact value, for the device or for one of its channels."""
        host, port = self.contact_address
        return f"<sip:{user or self._settings.id}@{host}:{port}>"

    def body(self, message: Command) -> bytes:
        """A MANSCDP body as this device writes it."""
        return dumps(message, charset=self._settings.charset, edition=self._settings.edition)

    async def tell(self, message: Command) -> Response:
        """One MESSAGE; its answer. TransactionTimeout or TransportFailed when there was none."""
        return await self._stack.ask(self._message(self.body(message)), self.server)

    async def send_catalogue(self, sn: int, device_id: str, items: list[CatalogItem]) -> None:
        """Answer a catalogue query, page after page, each once the page before is answered."""
        for page in self.pages(sn, device_id, items):
            await self.tell(page)

    def pages(self, sn: int, device_id: str, items: list[CatalogItem]) -> Iterator[CatalogResponse]:
        """The answer cut into pages: over UDP as many items as fit `MAX_DATAGRAM`, at least one."""

        def page(part: list[CatalogItem]) -> CatalogResponse:
            return CatalogResponse(sn=sn, device_id=device_id, sum_num=len(items), items=part)

        datagrams = self._settings.transport == "UDP"
        start = 0
        while start < len(items) or start == 0:
            end = min(start + (1 if datagrams else MAX_STREAMED_ITEMS), len(items))
            while datagrams and end < len(items) and self._fits(page(items[start : end + 1])):
                end += 1
            yield page(items[start:end])
            start = max(end, 1)

    def _fits(self, message: Command) -> bool:
        return len(bytes(self._message(self.body(message)))) + _ADDED_BY_THE_STACK <= MAX_DATAGRAM

    def _message(self, body: bytes) -> Request:
        settings = self._settings
        headers = [
            ("From", str(self._me.with_tag(secrets.token_hex(4)))),
            ("To", str(NameAddr(Uri("sip", settings.server_id, settings.server_id[:10])))),
            ("Call-ID", secrets.token_hex(8)),
            ("CSeq", "1 MESSAGE"),
            ("Max-Forwards", "70"),
            ("Content-Type", MANSCDP),
        ]
        uri = Uri("sip", settings.server_id, settings.server_host, settings.server_port)
        return Request("MESSAGE", uri, Headers(headers), body)
