"""Somebody who watches a view of a node in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp

from gateway.relay.views import View
from tests.stand.street import Street, until


class Viewer:
    """Reads a view's MP4 for ever; `size` bytes so far, `ended` when the stream worker closed it."""

    def __init__(self) -> None:
        self.status = 0
        self.size = 0
        self.ended = asyncio.Event()

    async def has(self, size: int, timeout_s: float = 15.0) -> None:
        """Wait until that much has come."""
        await until(lambda: self.size >= size, timeout_s)

    async def read(self, url: str) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as http, http.get(url) as response:
                self.status = response.status
                async for chunk in response.content.iter_any():
                    self.size += len(chunk)
        self.ended.set()


@contextlib.asynccontextmanager
async def watching(street: Street, view: View, token: str) -> AsyncIterator[Viewer]:
    """A viewer on the view."""
    viewer = Viewer()
    url = f"http://127.0.0.1:{street.node.config.media.http_port}/live/{view.record.id}.mp4?token={token}"
    task = asyncio.create_task(viewer.read(url))
    try:
        yield viewer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
