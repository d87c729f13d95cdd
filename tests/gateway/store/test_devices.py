from __future__ import annotations

from gateway.secrets import Secret
from gateway.store.devices import Device, Devices


async def test_a_device_needs_no_more_than_its_id_and_is_read_back_whole(database, box) -> None:
    devices = await Devices(database, box).load()
    plain = await devices.create(Device("34020000001320000001"))
    full = await devices.create(
        Device(
            "34020000001320000002", "北门", "platform", Secret("p"), True, "GB2312", "2016", "udp", ("a",), False, 5.0
        )
    )
    assert (await Devices(database, box).load()).all() == [plain, full]
    assert (plain.kind, plain.enabled, plain.charset, bool(plain.password)) == ("device", True, None, False)
