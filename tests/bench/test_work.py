"""What the benches measure is the work it claims to be."""

from __future__ import annotations

from pathlib import Path

from interop.wire import sipwire
from interop.wire.platform import WirePlatform
from tests.bench import catalogue, ps, sip, start
from tests.bench.register import NODE, PASSWORD, Registering, codes


def test_both_readers_see_the_same_in_both_messages() -> None:
    assert sip.read_register(sip.REGISTER) == sip.bare_register(sip.REGISTER) == "e4ca3fdc5869fa1c544ea7af60014444"
    assert sip.read_message(sip.MESSAGE) == sip.bare_message(sip.MESSAGE) == 2
    assert sip.microseconds(lambda: None, 0.01) < 1e6


def test_the_stream_is_four_megabits() -> None:
    units = ps.stream(50)
    assert [number for number, unit in enumerate(units) if unit.key] == [0, 25]
    assert ps.best_of(1, lambda: 1) > 0


async def test_program_streams_are_read_and_written() -> None:
    assert [one.bench for one in await ps.run(quick=True)] == ["ps"] * 4


def test_catalogue_items_are_distinct() -> None:
    items = catalogue.items(500)
    assert len({item.code for item in items}) == len(items) == 500


def test_a_fragment_is_whole_with_its_media_data() -> None:
    box = b"\0\0\0\x0cmoof1234" + b"\0\0\0\x0bmdatabc"
    assert start.has_fragment(box)
    assert not start.has_fragment(box[:-1])
    assert not start.has_fragment(b"\0\0\0\x0cmoof1234")
    assert not start.has_fragment(b"\0\0\0\0mdat")
    assert not start.decodes(b"no picture")


async def test_the_crowd_registers_and_keeps_alive_at_a_hand_written_platform() -> None:
    async with WirePlatform(NODE, PASSWORD) as up:
        crowd, ids = Registering(("127.0.0.1", up.port.port)), codes(100)
        await crowd.open()
        await crowd.perform(crowd.registers(ids), crowd.authorised)
        assert sorted(up.registered) == ids
        await crowd.perform(crowd.keepalives(ids, 2), lambda code, answer: None)
        assert sorted(up.keepalives) == sorted(ids * 2)
        assert (crowd.done, crowd.refused) == (200, [])
        path = up.path_to(ids[0])
        asked = sipwire.build("OPTIONS sip:a@b SIP/2.0", up.lines(path, "<sip:a@b>", "c", "1 OPTIONS", "t"))
        assert (await up.port.ask(asked, path)).status == 405
        assert crowd.asked == 1
        crowd.close()


def test_the_floor_is_beside_the_bench() -> None:
    assert (Path(ps.__file__).parent / "floor.c").is_file()
