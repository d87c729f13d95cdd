"""Nobody joins a stream without a grant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.compliance.grant import Grant
from tests.gateway.grants import Desk, granting


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with granting(tmp_path) as opened:
        yield opened


@pytest.fixture
async def grant(desk: Desk) -> Grant:
    """Leave to watch the first camera."""
    return await desk.grant("34020000001110000001", "34020000001320000001")
