"""Front-end control codes against the bytes computed by hand from A.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.errors import LocalError, RemoteError
from sip.manscdp.ptz import (
    STOP,
    Auxiliary,
    Cruise,
    Lens,
    Motion,
    Preset,
    PtzChecksumError,
    PtzCommand,
    PtzError,
    Scan,
    address_of,
    decode,
    encode,
)

EXAMPLES: list[tuple[str, PtzCommand]] = [
    ("A50F0100000000B5", STOP),
    ("A50F0101400000F6", Motion(pan=1, pan_speed=0x40)),
    ("A50F0102400000F7", Motion(pan=-1, pan_speed=0x40)),
    ("A50F0104004000F9", Motion(tilt=-1, tilt_speed=0x40)),
    ("A50F0108004000FD", Motion(tilt=1, tilt_speed=0x40)),
    ("A50F01094030002E", Motion(pan=1, tilt=1, pan_speed=0x40, tilt_speed=0x30)),
    ("A50F011000005015", Motion(zoom=1, zoom_speed=5)),
    ("A50F012000005025", Motion(zoom=-1, zoom_speed=5)),
    ("A50F01294030509E", Motion(1, 1, -1, 0x40, 0x30, 5)),
    ("A50F014140000036", Lens(focus=-1, focus_speed=0x40)),
    ("A50F014240000037", Lens(focus=1, focus_speed=0x40)),
    ("A50F014400400039", Lens(iris=1, iris_speed=0x40)),
    ("A50F01480040003D", Lens(iris=-1, iris_speed=0x40)),
    ("A50F0140000000F5", Lens()),
    ("A50F018100010037", Preset("set", 1)),
    ("A50F018200010038", Preset("call", 1)),
    ("A50F018300010039", Preset("delete", 1)),
    ("A50F01840103003D", Cruise("add", 1, 3)),
    ("A50F01850103003E", Cruise("delete", 1, 3)),
    ("A50F01850100003B", Cruise("delete", 1, 0)),
    ("A50F0186012C1078", Cruise("speed", 1, 300)),
    ("A50F0187010F004C", Cruise("dwell", 1, 15)),
    ("A50F01880100003E", Cruise("start", 1)),
    ("A50F01890100003F", Scan("start", 1)),
    ("A50F018901010040", Scan("left", 1)),
    ("A50F018901020041", Scan("right", 1)),
    ("A50F018A01400080", Scan("speed", 1, 0x40)),
    ("A50F018C01000042", Auxiliary(1, True)),
    ("A50F018D01000043", Auxiliary(1, False)),
]


@pytest.mark.parametrize(("digits", "command"), EXAMPLES)
def test_the_computed_examples_are_written_exactly(digits: str, command: PtzCommand) -> None:
    assert encode(command) == digits


@pytest.mark.parametrize(("digits", "command"), EXAMPLES)
def test_the_computed_examples_are_read(digits: str, command: PtzCommand) -> None:
    assert decode(digits) == command


def test_the_example_of_the_2016_text_is_zoom_in_at_speed_1() -> None:
    assert decode("A50F4D1000001021") == Motion(zoom=1, zoom_speed=1)
    assert address_of("A50F4D1000001021") == 0x4D


def test_lower_case_and_blanks_are_accepted() -> None:
    assert decode(" a5 0f 01 09 40 30 00 2e ") == Motion(1, 1, 0, 0x40, 0x30)


def test_the_address_has_twelve_bits() -> None:
    digits = encode(STOP, address=0xABC)
    assert digits[4:6] == "BC" and digits[13] == "A"
    assert address_of(digits) == 0xABC


def test_a_wrong_checksum_is_an_error_of_its_own_and_can_be_let_pass() -> None:
    with pytest.raises(PtzChecksumError, match="checksum 00, not B5"):
        decode("A50F010000000000")
    assert decode("A50F010000000000", checksum=False) == STOP


def test_a_preset_number_in_the_fifth_byte_counts_unless_switched_off() -> None:
    assert decode("A50F018205000" + "03C") == Preset("call", 5)
    with pytest.raises(PtzError, match="reserved"):
        decode("A50F018205000" + "03C", preset_in_data1=False)


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "A50F01",
        "A50F0100000000B5B5",
        "A50F01000000ZZB5",
        "Ａ50F0100000000B5",
        "B50F0100000000C5",
        "A50F0103000000B8",  # left and right at once
        "A50F014C00000001",  # iris open and close at once
        "A50F018200000037",  # preset 0
        "A50F0199000000" + "4E",  # no such instruction
        "A50F0189010900" + "48",  # no such scan
    ],
)
def test_what_is_no_control_code_is_the_peers_fault(digits: str) -> None:
    with pytest.raises(PtzError) as caught:
        decode(digits)
    assert isinstance(caught.value, RemoteError)
    assert caught.value.where == "/Control/PTZCmd"


@pytest.mark.parametrize(
    "command",
    [
        Motion(pan=1, pan_speed=256),
        Motion(zoom=1, zoom_speed=16),
        Preset("set", 0),
        Preset("set", 256),
        Cruise("speed", 1, 4096),
        Cruise("add", 1, 256),
        Auxiliary(-1, True),
    ],
)
def test_a_value_out_of_range_is_our_fault(command: PtzCommand) -> None:
    with pytest.raises(LocalError):
        encode(command)


def test_motion_at_rest_is_a_stop() -> None:
    assert STOP.is_stop and not Motion(pan=1).is_stop


@given(st.one_of(st.text(max_size=24), st.binary(min_size=8, max_size=8).map(bytes.hex)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        command = decode(text)
    except PtzError:
        return
    assert decode(encode(command)) == command
