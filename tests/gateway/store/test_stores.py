from __future__ import annotations

from pathlib import Path

import pytest

from gateway.secrets import SecretsError
from gateway.store.devices import Device
from gateway.store.registrations import Registration
from gateway.store.stores import Stores
from gateway.store.users import Token, User


async def test_everything_stored_is_there_when_opened_again(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    await stores.devices.create(Device("34020000001320000001"))
    stores.registrations.put(Registration("34020000001320000001", "udp", "192.0.2.1", 5060, "", 9.0))
    stores.uplinks.put(Registration("34020000002000000099", "udp", "192.0.2.9", 5060, "", 9.0))
    await stores.close()
    again = await Stores.open(tmp_path)
    assert len(again.devices) == len(again.registrations) == len(again.uplinks) == 1
    assert len(again.uppers) == len(again.dialogs) == len(again.views) == 0
    await again.close()


async def test_removing_an_account_takes_its_tokens_along(tmp_path: Path) -> None:
    stores = await Stores.open(tmp_path)
    await stores.users.create(User("wang"))
    await stores.tokens.create(Token("t", "wang", "key", "00", "viewer", 0.0, 9.0))
    await stores.users.delete("wang")
    assert len(stores.tokens) == 0
    await stores.close()


async def test_with_another_key_the_database_is_refused(tmp_path: Path) -> None:
    from gateway.secrets import KEY_FILE, Secret

    stores = await Stores.open(tmp_path)
    await stores.devices.create(Device("34020000001320000001", password=Secret("p")))
    await stores.close()
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(SecretsError):
        await Stores.open(tmp_path)
