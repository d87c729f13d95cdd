from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.code import (
    CodeError,
    DeviceCode,
    Kind,
    civil_code_of,
    is_playable,
    kind_of,
    type_of,
)


def of_type(number: int) -> str:
    return f"3402000000{number:03d}0000001"


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [
        (111, 130, Kind.MAIN_DEVICE),
        (131, 132, Kind.CHANNEL),
        (133, 133, Kind.OTHER),
        (134, 135, Kind.ALARM),
        (136, 137, Kind.AUDIO),
        (138, 139, Kind.OTHER),
        (140, 140, Kind.ALARM),
        (141, 199, Kind.OTHER),
        (200, 214, Kind.SYSTEM),
        (215, 215, Kind.GROUP),
        (216, 216, Kind.ORG),
        (217, 299, Kind.SYSTEM),
        (300, 499, Kind.USER),
        (500, 999, Kind.OTHER),
        (0, 110, Kind.OTHER),
    ],
)
def test_every_type_code_has_the_kind_of_the_table(first: int, last: int, kind: Kind) -> None:
    assert {kind_of(of_type(number)) for number in range(first, last + 1)} == {kind}


@pytest.mark.parametrize("region", ["34", "3402", "340202", "34020201"])
def test_two_four_six_and_eight_digits_are_a_region(region: str) -> None:
    code = DeviceCode.parse(region)
    assert code.kind is Kind.REGION
    assert code.is_region
    assert (code.type, code.industry, code.network, code.serial) == (None, None, None, None)
    assert code.civil_code == region.rstrip() and code.centre == region


def test_a_code_is_cut_into_its_segments() -> None:
    code = DeviceCode.parse(" 34020201051327000042 ")
    assert str(code) == code.text == "34020201051327000042"
    assert (code.centre, code.industry, code.type, code.network, code.serial) == ("34020201", "05", 132, "7", 42)
    assert code.domain == "3402020105"
    assert code.civil_code == "34020201"
    assert code.kind is Kind.CHANNEL and code.is_playable
    assert not code.is_region and not code.is_rule_b


@pytest.mark.parametrize(
    ("code", "civil"),
    [
        ("34000000001320000001", "34"),
        ("34020000001320000001", "3402"),
        ("34020200001320000001", "340202"),
        ("34020201001320000001", "34020201"),
        ("34100000001320000001", "3410"),
        ("00000000001320000001", ""),
        ("340200", "3402"),
        ("camera-1", ""),
        ("123", ""),
    ],
)
def test_the_region_is_the_centre_code_without_trailing_pairs_of_zeros(code: str, civil: str) -> None:
    assert civil_code_of(code) == civil


@pytest.mark.parametrize(
    ("type_digits", "kind"),
    [
        ("00", Kind.MAIN_DEVICE),
        ("01", Kind.MAIN_DEVICE),
        ("20", Kind.SYSTEM),
        ("42", Kind.MAIN_DEVICE),
        ("60", Kind.CHANNEL),
        ("62", Kind.OTHER),
        ("93", Kind.USER),
    ],
)
def test_codes_of_rule_b_are_read(type_digits: str, kind: Kind) -> None:
    code = DeviceCode.parse("3402020105000007" + type_digits)
    assert code.is_rule_b
    assert code.kind is kind
    assert code.type == int(type_digits)
    assert code.serial == 7 and code.industry == "05" and code.network is None
    assert code.civil_code == "340202" + "01"


@pytest.mark.parametrize("text", ["", "3402000000132000000", "340200000013200000011", "3402000000132000000x", "３４"])
def test_what_is_no_code_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(CodeError) as refused:
        DeviceCode.parse(text)
    assert refused.value.where == "code" and refused.value.value == text and refused.value.what
    assert kind_of(text) is Kind.OTHER
    assert type_of(text) is None


def test_everything_is_playable_but_what_certainly_has_no_picture() -> None:
    playable = {number for number in range(1000) if is_playable(of_type(number))}
    silent = {*range(134, 138), *range(139, 144), *range(200, 500)}
    assert playable == set(range(1000)) - silent


def test_a_channel_number_of_a_vendor_is_playable_and_a_region_is_not() -> None:
    assert is_playable("channel-7") and is_playable("340200000013200")
    assert not is_playable("") and not is_playable("3402")


def test_configuration_may_add_types_to_the_playable_ones_and_take_some_away() -> None:
    assert is_playable(of_type(205), also=frozenset({205}))
    assert not is_playable(of_type(111), never=frozenset({111}))
    assert not is_playable(of_type(111), also=frozenset({111}), never=frozenset({111}))


@given(
    centre=st.from_regex(r"[0-9]{8}", fullmatch=True),
    industry=st.from_regex(r"[0-9]{2}", fullmatch=True),
    type_code=st.integers(0, 999),
    network=st.from_regex(r"[0-9]", fullmatch=True),
    serial=st.integers(0, 999_999),
)
def test_a_composed_code_has_the_segments_it_was_made_of(
    centre: str, industry: str, type_code: int, network: str, serial: int
) -> None:
    code = DeviceCode.compose(centre=centre, industry=industry, type_code=type_code, network=network, serial=serial)
    assert len(code.text) == 20
    assert (code.centre, code.industry, code.type, code.network, code.serial) == (
        centre,
        industry,
        type_code,
        network,
        serial,
    )


@pytest.mark.parametrize(
    ("where", "wrong"),
    [("centre", {"centre": "340200"}), ("industry", {"industry": "a0"}), ("type", {"type_code": 1000}),
     ("network", {"network": ""}), ("serial", {"serial": 1_000_000}), ("serial", {"serial": -1})],
)  # fmt: skip
def test_a_segment_that_does_not_fit_is_named(where: str, wrong: dict[str, object]) -> None:
    segments: dict[str, object] = {
        "centre": "34020000", "industry": "00", "type_code": 132, "network": "0", "serial": 1, **wrong,
    }  # fmt: skip
    with pytest.raises(CodeError) as refused:
        DeviceCode.compose(**segments)  # type: ignore[arg-type]
    assert refused.value.where == where


@given(st.text())
def test_no_text_upsets_the_classification(text: str) -> None:
    assert isinstance(kind_of(text), Kind)
    assert isinstance(is_playable(text), bool)
    assert isinstance(civil_code_of(text), str)
