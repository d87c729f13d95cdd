"""Made-up messages follow their declarations."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import find

from sip.manscdp import CatalogItem, DeviceStatusResponse, Edition, Keepalive, PtzPreciseControl
from sip.manscdp.strategy import _of_value, messages
from sip.manscdp.values import TEXT


def test_only_elements_of_the_edition_are_made_up() -> None:
    assert find(messages(CatalogItem, Edition.V2016), lambda item: item.owner is not None)
    assert find(messages(CatalogItem, Edition.V2022), lambda item: item.info is not None).owner is None


def test_every_kind_of_value_is_made_up() -> None:
    assert find(messages(Keepalive), lambda message: len(message.faulty) > 1).faulty[0].isdigit()
    status = find(messages(DeviceStatusResponse), lambda m: m.device_time is not None and len(m.alarm_status) > 0)
    assert re.fullmatch(r"\d+-\d\d-\d\dT\d\d:\d\d:\d\d", status.device_time)
    assert find(messages(PtzPreciseControl), lambda m: m.position.pan is not None)


def test_a_type_without_samples_is_a_mistake_of_its_declaration() -> None:
    with pytest.raises(AssertionError, match="no strategy"):
        _of_value(replace(TEXT, sample=("shape",)))
