from __future__ import annotations

import pytest

from catalog.sharing_rule import NEVER_PUBLISHED, RuleError, SharingRule, can_be_withheld


@pytest.mark.parametrize("name", ["colour", "code", "status", "parent_ids", "info.", *sorted(NEVER_PUBLISHED)])
def test_fields_that_are_always_or_never_published_cannot_be_withheld(name: str) -> None:
    assert not can_be_withheld(name)
    with pytest.raises(RuleError) as refused:
        SharingRule(id="r", upper_id="u", withhold=frozenset({name}))
    assert (refused.value.where, refused.value.value) == ("withhold", name)


def test_other_fields_and_single_details_of_a_camera_can() -> None:
    names = frozenset({"address", "longitude", "info.ContactInfo"})
    assert all(map(can_be_withheld, names)) and SharingRule(id="r", upper_id="u", withhold=names).withhold == names
