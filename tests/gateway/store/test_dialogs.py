from __future__ import annotations

from gateway.store.dialogs import Dialogs, StoredDialog


async def test_dialogs_are_read_back_and_found_by_stream(database, box) -> None:
    dialogs = await Dialogs(database, box).load()
    device = StoredDialog("d1", "uac", "live", "p", "c", "p/c", {"call_id": "x", "local_cseq": 2}, {"source": "leg1"})
    upper = StoredDialog("d2", "uas", "live", "u", "c", "p/c", grant_id="g")
    other = StoredDialog("d3", "uac", "live", "p", "c2", "p/c2")
    for dialog in (device, upper, other):
        await dialogs.create(dialog)
    again = await Dialogs(database, box).load()
    assert again.all() == [device, upper, other]
    assert again.of_stream("p/c") == [device, upper]
