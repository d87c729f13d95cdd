"""A node whose administrators are lost: its accounts go, everything else stays, and the ledger says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.compliance.ledger import Ledger
from gateway.compliance.ledger_file import LedgerQuery
from gateway.compliance.verify import Verified, verify
from gateway.operations.accounts import NothingThere, reset_accounts
from gateway.operations.occupancy import Occupied, occupied
from gateway.store.stores import Stores
from tests.gateway.operations.lived_in import config, live_in
from tests.gateway.store.sample_rows import DEVICE


async def test_accounts_and_keys_go_and_the_rest_stays(tmp_path: Path) -> None:
    await live_in(tmp_path)
    names = await asyncio.to_thread(reset_accounts, config(tmp_path))
    assert len(names) == 1
    stores = await Stores.open(tmp_path)
    assert (len(stores.users), len(stores.tokens)) == (0, 0)
    assert stores.devices.require(DEVICE)
    await stores.close()
    ledger = Ledger.open(tmp_path)
    last = (await ledger.entries(LedgerQuery()))[0].entry
    await ledger.close()
    assert (last.actor_id, last.action, last.detail) == ("reset-accounts", "user.delete", {"accounts": names})
    outcome = verify(tmp_path / "ledger.db")
    assert isinstance(outcome, Verified) and outcome.entries == 5


async def test_a_second_time_there_is_nothing_to_note(tmp_path: Path) -> None:
    await live_in(tmp_path)
    await asyncio.to_thread(reset_accounts, config(tmp_path))
    assert await asyncio.to_thread(reset_accounts, config(tmp_path)) == []
    outcome = verify(tmp_path / "ledger.db")
    assert isinstance(outcome, Verified) and outcome.entries == 5


def test_a_running_node_is_left_alone(tmp_path: Path) -> None:
    asyncio.run(live_in(tmp_path))
    with occupied(tmp_path), pytest.raises(Occupied):
        reset_accounts(config(tmp_path))


def test_an_empty_directory_stays_empty(tmp_path: Path) -> None:
    with pytest.raises(NothingThere, match="no node"):
        reset_accounts(config(tmp_path))
    assert list(tmp_path.iterdir()) == []
