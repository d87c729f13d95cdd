from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.errors import AlreadyExists, InUse, NotFound
from gateway.secrets import Secret, SecretBox, SecretsError
from gateway.store.devices import Device, Devices
from gateway.store.engine import DATABASE_FILE, Database
from gateway.store.repository import Change
from gateway.store.rules import Rule, Rules
from gateway.store.uppers import Upper, Uppers

ID = "34020000001320000001"
DEVICE = Device(ID, "东门", password=Secret("s3cret"), tolerances=("ssrc_any", "gbk"), charset="GB18030")


async def test_a_record_is_the_same_after_it_is_read_back(database: Database, box: SecretBox) -> None:
    await (await Devices(database, box).load()).create(DEVICE)
    again = await Devices(database, box).load()
    assert again.get(ID) == DEVICE and again.require(ID).password.reveal() == "s3cret"
    assert len(again) == 1 and ID in again and list(again) == [DEVICE]


def _stored_bytes(directory: Path) -> bytes:
    files = sorted(directory.glob(DATABASE_FILE + "*"))
    assert files
    return b"".join(path.read_bytes() for path in files)


async def test_no_file_holds_the_password_in_clear(database: Database, box: SecretBox, tmp_path: Path) -> None:
    await (await Devices(database, box).load()).create(DEVICE)
    assert b"s3cret" not in _stored_bytes(tmp_path)
    assert "s3cret" not in repr(DEVICE)


async def test_a_sealed_password_moved_to_another_record_does_not_open(database: Database, box: SecretBox) -> None:
    devices = await Devices(database, box).load()
    await devices.create(DEVICE)
    await devices.create(replace(DEVICE, id="34020000001320000002", password=Secret("other")))
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE devices SET password = (SELECT password FROM devices ORDER BY id LIMIT 1)")
        )
    with pytest.raises(SecretsError):
        await Devices(database, box).load()


async def test_changes_are_announced_in_order_after_they_are_stored(database: Database, box: SecretBox) -> None:
    devices = await Devices(database, box).load()
    seen: list[Change[Device]] = []
    stop = devices.on_change(seen.append)
    await devices.create(DEVICE)
    await devices.update(ID, name="西门")
    await devices.update(ID, name="西门")
    await devices.put(replace(DEVICE, enabled=False))
    await devices.delete(ID)
    await devices.put(DEVICE)
    stop()
    await devices.delete(ID)
    assert [(change.kind, change.id) for change in seen] == [
        ("created", ID),
        ("updated", ID),
        ("updated", ID),
        ("deleted", ID),
        ("created", ID),
    ]
    assert seen[0].before is None and seen[3].after is None
    assert seen[1].before == DEVICE and seen[1].after == replace(DEVICE, name="西门")


async def test_a_listener_that_fails_does_not_keep_the_others_from_hearing(
    database: Database, box: SecretBox, capsys: pytest.CaptureFixture[str]
) -> None:
    devices = await Devices(database, box).load()
    heard: list[str] = []

    def broken(_change: Change[Device]) -> None:
        raise ZeroDivisionError

    devices.on_change(broken)
    devices.on_change(lambda change: heard.append(change.kind))
    await devices.create(DEVICE)
    assert heard == ["created"] and ID in await Devices(database, box).load()


async def test_what_cannot_be_done_is_said_by_type(database: Database, box: SecretBox) -> None:
    devices = await Devices(database, box).load()
    await devices.create(DEVICE)
    with pytest.raises(AlreadyExists, match=f"device {ID} exists already"):
        await devices.create(DEVICE)
    for attempt in (devices.update("x", name="y"), devices.delete("x")):
        with pytest.raises(NotFound, match="no device x"):
            await attempt
    with pytest.raises(ValueError, match="does not change"):
        await devices.update(ID, id="other")


async def test_a_record_others_refer_to_stays_and_memory_agrees(database: Database, box: SecretBox) -> None:
    rules, uppers = await Rules(database, box).load(), await Uppers(database, box).load()
    with pytest.raises(InUse):
        await uppers.create(Upper(ID, rule_id="city"))
    assert len(uppers) == 0
    await rules.create(Rule("city"))
    await uppers.create(Upper(ID, rule_id="city"))
    with pytest.raises(InUse, match="rule city"):
        await rules.delete("city")
    assert "city" in rules
    with pytest.raises(InUse):
        await uppers.update(ID, rule_id="other")
    assert uppers.require(ID).rule_id == "city"


async def test_simultaneous_creations_of_one_id_store_one(database: Database, box: SecretBox) -> None:
    devices = await Devices(database, box).load()
    outcomes = await asyncio.gather(
        *(devices.create(replace(DEVICE, name=str(n))) for n in range(5)), return_exceptions=True
    )
    assert sum(isinstance(item, AlreadyExists) for item in outcomes) == 4
    assert (await Devices(database, box).load()).get(ID) == devices.get(ID)
