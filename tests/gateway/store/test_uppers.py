from __future__ import annotations

from gateway.secrets import Secret
from gateway.store.uppers import Upper, Uppers


async def test_an_upper_is_read_back_whole_and_its_realm_follows_from_its_code(database, box) -> None:
    uppers = await Uppers(database, box).load()
    upper = await uppers.create(
        Upper("34020000002000000099", "市局", "192.0.2.1", password=Secret("p"), source_addresses=("192.0.2.2",))
    )
    assert (await Uppers(database, box).load()).all() == [upper]
    assert upper.realm == "3402000000"
    assert Upper("34020000002000000099", domain="5401000000").realm == "5401000000"
