"""A real stack and a peer made of bytes, on 127.0.0.1."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.signalling.raw import Desk, RawPeer


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as opened:
        yield opened


@pytest.fixture
async def raw() -> AsyncIterator[RawPeer]:
    async with RawPeer() as opened:
        yield opened
