"""The channels an ONVIF camera appears as."""

from __future__ import annotations

from gateway.onvif.camera import CameraFacts
from gateway.onvif.channels import assign, codes_from, items_of
from gateway.onvif.profiles import Profile, VideoSource, sources_of
from gateway.store.devices import Device

FIRST = "34020000001320000007"
DEVICE = Device("34020000001110000007", name="东门", kind="onvif", url="http://10.0.0.5/x", channel_id=FIRST)


def sources(*codecs: str, ptz: str = "") -> tuple[VideoSource, ...]:
    return sources_of(
        Profile(f"p{n}", "", f"s{n}", f"lens {n}", codec, 1920, 1080, 25.0, ptz) for n, codec in enumerate(codecs)
    )


def code(n: int) -> str:
    return f"3402000000132{n:07}"


def test_each_video_source_has_the_serial_number_that_follows() -> None:
    found = assign(FIRST, sources("H264", "H265", "H264"), ())
    assert list(found.sources) == [code(7), code(8), code(9)] and found.warning == ("", "")
    assert [source.token for source in found.sources.values()] == ["s0", "s1", "s2"]


def test_a_source_keeps_its_code_whatever_becomes_of_those_before_it() -> None:
    found = assign(FIRST, sources("H264", "JPEG", "H264"), ())
    assert list(found.sources) == [code(7), code(9)] and found.left_out == ()


def test_a_code_of_somebody_else_is_never_taken_and_said_so() -> None:
    found = assign(FIRST, sources("H264", "H264", "H264"), {code(8), FIRST})
    assert list(found.sources) == [code(7), code(9)] and found.left_out == (code(8),)
    english, chinese = found.warning
    assert code(8) in english and code(8) in chinese and "占用" in chinese


def test_behind_the_last_serial_number_there_are_no_codes() -> None:
    last = "34020000001320999999"
    assert codes_from(last, 3) == [last]
    found = assign(last, sources("H264", "H264"), ())
    assert list(found.sources) == [last] and len(found.left_out) == 1


def test_an_item_says_what_the_camera_says_and_not_where_it_is() -> None:
    fixed = sources("H264")
    facts = CameraFacts("Acme", "D-7", "1.0", "42", 0.0, fixed, moves=True)
    [item] = items_of(DEVICE, facts, assign(FIRST, fixed, ()))
    assert (item.code, item.peer_id, item.name) == (FIRST, DEVICE.id, "东门")
    assert (item.manufacturer, item.model, item.info, item.parental) == ("Acme", "D-7", {}, False)
    assert item.ip_address == "" and item.parent_ids == (DEVICE.id,) and item.civil_code == "3402"
    two = sources("H264", "H264", ptz="p")
    first, second = items_of(DEVICE, facts, assign(FIRST, two, ()))
    assert (first.name, second.name) == ("东门 lens 0", "东门 lens 1") and first.info == {"PTZType": "1"}


def test_a_source_keeps_its_code_in_whatever_order_the_camera_lists_them() -> None:
    a, b, c = sources("H264", "H264", "H264")
    before = assign(FIRST, (a, b), ())
    assert before.tokens == ("s0", "s1")
    after = assign(FIRST, (c, b, a), (), before.tokens)
    assert {key: source.token for key, source in after.sources.items()} == {code(7): "s0", code(8): "s1", code(9): "s2"}
    assert list(after.sources) == [code(7), code(8), code(9)] and after.tokens == ("s0", "s1", "s2")
    gone = assign(FIRST, (c,), (), after.tokens)
    assert list(gone.sources) == [code(9)] and gone.tokens == after.tokens


def test_a_camera_none_of_whose_sources_is_known_begins_anew() -> None:
    a, b = sources("H264", "H264")
    assert list(assign(FIRST, (a, b), (), ("other", "names")).sources) == [code(7), code(8)]


def test_numbers_are_bounded_and_who_gets_none_is_left_out() -> None:
    a, b = sources("H264", "H264")
    known = [a.token, *(f"gone{n}" for n in range(63))]
    found = assign(FIRST, (b, a), (), known)
    assert list(found.sources) == [code(7)] and len(found.tokens) == 64 and len(found.left_out) == 1
