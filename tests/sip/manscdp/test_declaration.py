"""A command is declared once, and registered by kind, type and marker."""

from __future__ import annotations

import pytest

from sip.manscdp.declaration import (
    REGISTRY,
    Command,
    Edition,
    Kind,
    Registry,
    Structure,
    command,
    element,
    entry_of,
    extension,
    facts_of,
    listed,
    structure,
)

OWN: Registry = {}


@structure
class Wheel(Structure):
    size: int = element("Size")


@command(Kind.CONTROL, "TestMove", aliases=("TestDrive",), since=Edition.V2022, told_by="Go", registry=OWN)
class Move(Command):
    go: str = element("Go", old_name="Goo", aliases=("Gooo",), marks=True, about="forward")
    stop: str | None = element("Stop", default=None)
    wheels: list[Wheel] = listed("Item", default_factory=list, within="WheelList", counted=True)
    extra_info: list[str] = extension(default_factory=list)


@pytest.mark.parametrize(
    ("version", "edition"),
    [
        ("1.0", Edition.V2011),
        ("2.0", Edition.V2016),
        (" 3.0", Edition.V2022),
        (None, Edition.V2016),
        ("x", Edition.V2016),
    ],
)
def test_the_edition_a_version_header_names(version: str | None, edition: Edition) -> None:
    assert Edition.of_version(version) is edition


def test_a_command_is_registered_under_its_type_and_its_aliases_with_its_markers() -> None:
    entry = entry_of(Move)
    assert entry is not None
    assert OWN[(Kind.CONTROL, "testmove")] == [entry] == OWN[(Kind.CONTROL, "testdrive")]
    assert entry.markers == ("Go", "Goo", "Gooo")
    assert (entry.kind, entry.cmd_type, entry.since, entry.told_by) == (Kind.CONTROL, "TestMove", Edition.V2022, "Go")
    assert entry_of(Wheel) is None


def test_a_registry_of_ones_own_leaves_that_of_the_project_as_it_was() -> None:
    assert not OWN.keys() & REGISTRY.keys()
    assert Move not in {entry.cls for entries in REGISTRY.values() for entry in entries}


def test_the_head_comes_first_and_the_elements_keep_their_order() -> None:
    names = [(attribute, facts.name) for attribute, facts in facts_of(Move)]
    assert names == [
        ("sn", "SN"), ("device_id", "DeviceID"), ("go", "Go"), ("stop", "Stop"), ("wheels", "Item"),
        ("extra_info", "ExtraInfo"),
    ]  # fmt: skip


def test_an_element_without_default_must_be_given() -> None:
    with pytest.raises(TypeError, match="go"):
        Move(sn=1, device_id="34")  # type: ignore[call-arg]


def test_a_structure_is_written_as_it_is_unless_it_says_otherwise() -> None:
    wheel = Wheel(size=3)
    wheel.after_reading()
    assert wheel.for_edition(Edition.V2016) is wheel
