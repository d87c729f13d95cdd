"""Uses that have to end, on a running node."""

from __future__ import annotations

from pathlib import Path

from gateway.compliance.access import Denial
from tests.stand.street import KEY, running_street, settings


async def test_a_use_whose_time_is_over_ends(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, access={"grant_seconds": 60})) as street:
        grant = await street.grant(lifetime=0.0)
        await street.node.uses.expire()
        entry = await street.end()
        assert (entry.grant_id, entry.detail["reason"]) == (grant.id, "expired")


async def test_a_withdrawn_right_ends_the_view_under_it_with_the_words_of_the_rule(tmp_path: Path) -> None:
    async with running_street(settings(tmp_path, stream_workers=1)) as street:
        grant = await street.grant()
        view, _ = await street.node.views.open(KEY, grant)
        await street.node.uses.withdraw(grant, Denial("5.1", "not any more", "不再"))
        assert street.node.views.get(view.record.id) is None
        entry = await street.end()
        assert entry.grant_id == grant.id and "forbidden" in entry.detail["reason"]
        assert street.node.grants.get(grant.id) is None
