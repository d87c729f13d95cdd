"""Accounts of a node that is not running: all of them removed, so that it can be set up anew with a code."""

from __future__ import annotations

import asyncio
import contextlib

from gateway.compliance.entry import Entry
from gateway.compliance.ledger import Ledger
from gateway.config import Config
from gateway.errors import GatewayError
from gateway.operations.occupancy import occupied
from gateway.store.engine import DATABASE_FILE
from gateway.store.stores import Stores


class NothingThere(GatewayError):
    """The data directory holds no node."""


def reset_accounts(config: Config) -> list[str]:
    """Remove every account with its sessions and keys; the login names there were.

    Whoever may do this can read and write the data directory and with it everything the node has: it opens no door
    that is not open to him. The ledger names the accounts before they go. Raises Occupied while a node runs there,
    NothingThere, OSError.
    """
    data_dir = config.node.data_dir
    if not (data_dir / DATABASE_FILE).exists():
        raise NothingThere(f"{data_dir} holds no node's data")
    with occupied(data_dir):
        return asyncio.run(_reset(config))


async def _reset(config: Config) -> list[str]:
    async with contextlib.AsyncExitStack() as opened:
        stores = await Stores.open(config.node.data_dir)
        opened.push_async_callback(stores.close)
        ledger = await asyncio.to_thread(Ledger.open, config.node.data_dir)
        opened.push_async_callback(ledger.close)
        names = sorted(user.id for user in stores.users.all())
        if names:
            entry = Entry("system", "reset-accounts", "user.delete", "done", clause="O9", detail={"accounts": names})
            await ledger.append(entry)
        for name in names:
            await stores.users.delete(name)
    return names
