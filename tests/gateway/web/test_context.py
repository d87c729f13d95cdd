from __future__ import annotations

from pathlib import Path

from gateway.compliance.grant import Grants
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.store.stores import Stores
from gateway.telemetry.metrics import Metrics
from gateway.web.context import WebContext


async def test_a_context_is_built_with_authentication_and_set_up(tmp_path: Path) -> None:
    stores, ledger = await Stores.open(tmp_path), Ledger.open(tmp_path)
    shown: list[str] = []
    ctx = WebContext.build(Config(), stores, ledger, Grants(ledger), Metrics(), announce=shown.append)
    ctx.setup.start()
    assert len(shown) == 1
    assert ctx.auth.identify("nothing") is None
    assert ctx.upper_state("x") == ctx.device_state("x") == {} and ctx.checks == {}
    await ledger.close()
    await stores.close()
